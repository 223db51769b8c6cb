/** What is shown of a group's title and picture: what somebody stated, and what the log says only where both say the same. */

import { beforeEach, describe, expect, it } from "vitest";
import type { ShownChange } from "../../../../sdk/core/conversations/group-change.js";
import { MAX_STATED, Shown } from "../../../../sdk/core/groups/shown.js";
import type { StoreChange } from "../../../../sdk/core/ports.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { group } from "../conversations/members.js";
import { me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const NOTHING = new Uint8Array(0);
const picture = Uint8Array.of(1, 2);
let store: SealedStore;
let shown: Shown;

beforeEach(async () => {
  store = await openSealed();
  shown = await again();
});

/** The next run. */
async function again(): Promise<Shown> {
  const next = new Shown(store);
  await next.load();
  return next;
}

const keep = (changes: readonly StoreChange[]) => store.commit(changes);
const settings = (title: string): ShownChange => ({ kind: "settings", changed: { title, avatar: picture }, by: peer });

describe("a group's looks", () => {
  it("are nothing until somebody stated them, whatever the log says", () => {
    expect(shown.of(group, { title: "Team", avatar: picture })).toEqual({ title: "", avatar: NOTHING });
    expect(shown.told(group, { title: "Team", avatar: picture })).toBeUndefined();
  });

  it("are what was stated last, over a restart too; half of it where only half was", async () => {
    await keep(shown.stating(group, peer, { title: "Team" }));
    expect(shown.of(group, { title: "Team", avatar: picture })).toEqual({ title: "Team", avatar: NOTHING });
    await keep(shown.stating(group, peer, { title: "Team", avatar: picture }));
    expect(shown.stating(group, peer, { title: "Team", avatar: picture })).toEqual([]);
    shown = await again();
    const said = { title: "Team", avatar: picture };
    expect([shown.of(group, said), shown.isWhole(group, said)]).toEqual([said, true]);
    const unsaid = { title: "a slur", avatar: picture };
    expect([shown.of(group, unsaid), shown.isWhole(group, unsaid), shown.told(group, unsaid)]).toEqual([
      said,
      false,
      undefined,
    ]);
  });

  it("are shown to a device that another one tells their hash, once the log says them, and stay when it says others", async () => {
    const said = { title: "Team", avatar: picture };
    await keep(shown.stating(group, peer, said));
    const hash = shown.told(group, said);
    if (hash === undefined) throw new Error("nothing to tell");
    store = await openSealed();
    const other = await again();
    await keep(other.adopting(group, me, hash));
    expect(other.of(group, { title: "another", avatar: picture })).toEqual({ title: "", avatar: NOTHING });
    expect(other.of(group, said)).toEqual(said);
    await keep(other.meeting(group, said));
    expect(other.of(group, { title: "another", avatar: picture })).toEqual(said);
    expect(other.meeting(group, { title: "another", avatar: picture })).toEqual([]);
  });

  it("are not what a member states and the log does not say, but an item that says it may show it", async () => {
    await keep(shown.stating(group, peer, { title: "Team", avatar: NOTHING }));
    await keep(shown.remembering(group, peer, { title: "overtaken", avatar: NOTHING }));
    expect(shown.remembering(group, peer, { title: "overtaken", avatar: NOTHING })).toEqual([]);
    shown = await again();
    expect(shown.of(group, { title: "Now", avatar: NOTHING }).title).toBe("Team");
    expect(shown.inItem(group, settings("overtaken"))).toMatchObject({ changed: { title: "overtaken" } });
  });

  it("stand in the items of the log only as far as they were stated, the last few of them", async () => {
    expect(shown.inItem(group, settings("a slur"))).toMatchObject({ changed: { title: undefined, avatar: undefined } });
    await keep(shown.stating(group, peer, { title: "first" }));
    for (let at = 1; at <= MAX_STATED - 1; at++) await keep(shown.stating(group, peer, { title: `title ${at}` }));
    expect(shown.inItem(group, settings("first"))).toMatchObject({ changed: { title: "first", avatar: undefined } });
    await keep(shown.stating(group, peer, { title: "one too many" }));
    shown = await again();
    expect(shown.inItem(group, settings("first"))).toMatchObject({ changed: { title: undefined } });
    expect(shown.inItem(group, settings("title 7"))).toMatchObject({ changed: { title: "title 7" } });
    const left: ShownChange = { kind: "left", account: peer };
    expect(shown.inItem(group, left)).toBe(left);
  });
});
