/** Who could write in a group when. */

import { accountIdFromBytes, type GroupState } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { judged, writersAcross, writersAfter, writersOf } from "../../../../../sdk/core/groups/log/writers.js";

const [ann, ben, cat] = [1, 2, 3].map((byte) => accountIdFromBytes(new Uint8Array(16).fill(byte)));
if (ann === undefined || ben === undefined || cat === undefined) throw new Error("nobody");

function state(
  seq: number,
  members: readonly (readonly [typeof ann, number, "member" | "admin"])[],
  write: "members" | "admins" = "members",
) {
  const key = new Uint8Array(33).fill(5);
  const all = members.map(([account, joinedSeq, role]) => {
    return { account, joinedSeq, role, identityKey: key, wrapKey: key, deliveryKeyHash: new Uint8Array(32) };
  });
  return { seq, members: all, write } as unknown as GroupState;
}

const alone = state(4, [[ann, 1, "admin"]]);
const both = state(5, [
  [ann, 1, "admin"],
  [ben, 5, "member"],
]);
const without = state(9, [[ann, 1, "admin"]]);
const joined = writersAfter(writersOf(alone), alone, { after: both, acceptedMs: 500 });
const removed = writersAfter(joined, both, { after: without, acceptedMs: 900 });

describe("somebody's words", () => {
  it("count from the entry it joined by", () => {
    expect(judged(joined, 5, { account: ben, revision: 5, acceptedMs: 600 })).toBe("yes");
    expect(judged(joined, 5, { account: ben, revision: 4, acceptedMs: 600 })).toBe("no");
    expect(judged(joined, 5, { account: cat, revision: 5, acceptedMs: 600 })).toBe("no");
  });

  it("are judged later where the log was not read that far", () => {
    expect(judged(joined, 5, { account: ben, revision: 6, acceptedMs: 600 })).toBe("later");
    expect(judged(joined, 5, { account: cat, revision: 6, acceptedMs: 600 })).toBe("later");
  });

  it("count after a removal if the relay took them before it, and were said before it", () => {
    expect(judged(removed, 9, { account: ben, revision: 8, acceptedMs: 900 })).toBe("yes");
    expect(judged(removed, 9, { account: ben, revision: 8, acceptedMs: 901 })).toBe("no");
    expect(judged(removed, 9, { account: ben, revision: 9, acceptedMs: 800 })).toBe("no");
    expect(judged(removed, 9, { account: ann, revision: 9, acceptedMs: 2_000 })).toBe("yes");
  });

  it("of members do not count while only admins write", () => {
    const quiet = state(
      6,
      [
        [ann, 1, "admin"],
        [ben, 5, "member"],
      ],
      "admins",
    );
    const announcing = writersAfter(joined, both, { after: quiet, acceptedMs: 600 });
    expect(judged(announcing, 6, { account: ben, revision: 5, acceptedMs: 600 })).toBe("yes");
    expect(judged(announcing, 6, { account: ben, revision: 6, acceptedMs: 700 })).toBe("no");
    expect(judged(announcing, 6, { account: ann, revision: 6, acceptedMs: 700 })).toBe("yes");
    const open = writersAfter(announcing, quiet, { after: { ...both, seq: 7 }, acceptedMs: 700 });
    expect(judged(open, 7, { account: ben, revision: 7, acceptedMs: 800 })).toBe("yes");
    expect(judged(open, 7, { account: ben, revision: 6, acceptedMs: 650 })).toBe("no");
  });

  it("count again from the entry it came back by, and not in between", () => {
    const back = state(12, [
      [ann, 1, "admin"],
      [ben, 12, "member"],
    ]);
    const returned = writersAfter(removed, without, { after: back, acceptedMs: 1_200 });
    expect(judged(returned, 12, { account: ben, revision: 12, acceptedMs: 1_300 })).toBe("yes");
    expect(judged(returned, 12, { account: ben, revision: 10, acceptedMs: 1_100 })).toBe("no");
    expect(judged(returned, 12, { account: ben, revision: 7, acceptedMs: 700 })).toBe("yes");
  });

  it("behind a checkpoint count for who stayed and for who joined meanwhile, and end for who is gone", () => {
    const later = state(300, [
      [ann, 1, "admin"],
      [cat, 40, "member"],
    ]);
    const across = writersAcross(joined, both, { after: later, acceptedMs: 3_000 });
    expect(judged(across, 300, { account: ann, revision: 100, acceptedMs: 1_000 })).toBe("yes");
    expect(judged(across, 300, { account: cat, revision: 39, acceptedMs: 1_000 })).toBe("no");
    expect(judged(across, 300, { account: cat, revision: 40, acceptedMs: 1_000 })).toBe("yes");
    expect(judged(across, 300, { account: ben, revision: 300, acceptedMs: 1_000 })).toBe("no");
  });

  it("are remembered for a thousand spans at most", () => {
    let writers = writersOf(alone);
    let before = alone;
    for (let seq = 5; seq < 3_005; seq++) {
      const after = seq % 2 === 1 ? { ...both, seq } : { ...without, seq };
      writers = writersAfter(writers, before, { after, acceptedMs: seq });
      before = after;
    }
    expect(writers.past).toHaveLength(1_024);
    expect(writers.past[0]?.until).toBe(3_004);
  });
});
