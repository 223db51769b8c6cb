/** Attacks on the desk: a sender wants its message shown, and its report refused. */

import {
  accountIdToBytes,
  CLOCK_SKEW_MS,
  EPOCH_MS,
  type FrankCheck,
  inspectHeads,
  inspectWords,
  type Token,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import {
  accountOf,
  EPOCH,
  evidenceOf,
  NOW_MS,
  reasonOf,
  type Sent,
  SmallRealm,
  secretOf,
} from "../../support/franking/realm.js";
import { headsOf, wordsItemOf } from "../../support/franking/reports.js";

const small = new SmallRealm();
const sender = small.device("S");
const me = accountOf("A");
const content = small.text(sender, me, "nobody will believe you");
const sent = small.send(sender, me, content);
const reason = (one: Sent, changed: Partial<FrankCheck> = {}) => reasonOf(small.check(one, me, changed));
const withToken = (token: Token) => small.send({ ...sender, token }, me, content);

describe("attack 5, T5: a message that is shown and cannot be reported", () => {
  test("first: what is shown is reported, head and words", () => {
    const evidence = evidenceOf(small.check(sent, me));
    const heads = headsOf(sender.account, [evidence]);
    expect(inspectHeads(heads, me, small.headKeys())[0]?.kind).toBe("verified");
    const [item] = heads.items;
    expect(item && inspectWords(wordsItemOf(evidence, sent), item, small.realm).kind).toBe("verified");
  });

  test("T5a: no frank, no commitment, no stamp", () => {
    expect(reason({ ...sent, frank: new Uint8Array(0) })).toBe("unfranked");
    expect(reason({ ...sent, commitment: new Uint8Array(0) })).toBe("commitment");
    expect(reason(sent, { stamp: new Uint8Array(0) })).toBe("unfranked");
  });

  test("T5b: a commitment to something else", () => {
    const other = small.send(sender, me, small.text(sender, me, "something harmless"));
    expect(reason({ ...sent, commitment: other.commitment })).toBe("commitment");
  });

  test("T5c: every seventh byte of the frank flipped", () => {
    for (let at = 0; at < sent.frank.length; at += 7) {
      const frank = new Uint8Array(sent.frank);
      frank[at] = (frank[at] as number) ^ 0xff;
      expect(reason({ ...sent, frank }), `byte ${at}`).not.toBe("genuine");
    }
  });

  test("T5e: somebody else's token, of the same account's other device too", () => {
    expect(reason(withToken(small.device("X").token))).toBe("token");
    expect(reason(withToken(small.device("S", { device: 2 }).token))).toBe("token");
  });

  test("T5f: a tag that the desk could not make again", () => {
    expect(reason(withToken({ ...sender.token, accountTag: secretOf("y") }))).toBe("token");
  });

  test("T5g: signed by another key than the token's, or by nobody", () => {
    const key = { ...sender.key, sign: small.device("X").key.sign };
    expect(reason(small.send({ ...sender, key }, me, content))).toBe("signature");
    const none = { ...sender.key, sign: () => new Uint8Array(64) };
    expect(reason(small.send({ ...sender, key: none }, me, content))).toBe("signature");
  });

  test("T5h: with a token of another day", () => {
    for (const epoch of [EPOCH - 1, EPOCH + 1]) {
      const late = small.device("S", { epoch });
      expect(reason(small.send(late, me, content))).toBe("time");
    }
    const revoked = (epoch: number, acceptedMs: number) =>
      acceptedMs > NOW_MS - 1 ? undefined : small.issuer(epoch).publicKey;
    expect(reason(sent, { epochKey: revoked })).toBe("epoch");
  });

  test("T5i: with bytes behind the frank", () => {
    expect(reason({ ...sent, frank: Uint8Array.of(...sent.frank, 0) })).toBe("malformed");
  });

  test("T5j: words in a second encoding are other words, and no content", () => {
    // A longer spelling of the array's length, which a lax reader would take.
    const committed = Uint8Array.of(0xdc, 0x00, (sent.committed[0] as number) & 0x0f, ...sent.committed.subarray(1));
    const second = small.send(sender, me, content, { committed });
    expect(reason({ ...second, committed: sent.committed })).toBe("commitment");
    const evidence = evidenceOf(small.check(second, me));
    const verdict = inspectWords(wordsItemOf(evidence, second), { role: "reported", head: evidence.head }, small.realm);
    expect(verdict).toEqual({ kind: "refused", reason: "malformed" });
  });

  test("T5k: the recipient is left out of whom it is said to", () => {
    const elsewhere = small.send(sender, accountOf("B"), content);
    const audience = { kind: "account", account: me } as const;
    expect(reason({ ...elsewhere, audience })).toBe("commitment");
    expect(reason(elsewhere)).toBe("roster");
  });

  test("T5l: a stamp of the wrong length, which no report could hold", () => {
    for (const size of [1, 15, 17, 32]) expect(reason(sent, { stamp: new Uint8Array(size) })).toBe("unfranked");
  });

  test("T5m: a version that the desk does not know", () => {
    expect(reason({ ...sent, frank: Uint8Array.of(2, ...sent.frank.subarray(1)) })).toBe("version");
  });
});

describe("attack 27, T5d: down to no franking at all", () => {
  test("a version below the realm's is refused, and what is no frank is no older version", () => {
    expect(reason(sent, { minVersion: 2 })).toBe("version");
    expect(reason({ ...sent, frank: Uint8Array.of(0) })).toBe("version");
    expect(reason({ ...sent, frank: new Uint8Array(0) })).toBe("unfranked");
  });
});

describe("attack 20, T14: the relay drops stamps or garbles them", () => {
  test("T14a: without one nothing is shown", () => {
    expect(reason(sent, { stamp: new Uint8Array(0) })).toBe("unfranked");
  });

  test("T14b: a garbled one is found out by the desk, the same for every message: canaries show it", () => {
    const evidence = evidenceOf(small.check(sent, me, { stamp: secretOf("garbled").subarray(0, 16) }));
    const [verdict] = inspectHeads(headsOf(sender.account, [evidence]), me, small.headKeys());
    expect(verdict).toEqual({ kind: "refused", reason: "notStamped" });
  });
});

describe("attack 19, T13: clocks", () => {
  test("T13a: a message from the future is not shown", () => {
    const nowMs = NOW_MS - CLOCK_SKEW_MS;
    expect(reason(sent, { nowMs })).toBe("genuine");
    expect(reason(sent, { nowMs: nowMs - 1 })).toBe("time");
  });

  test("T13b: nor one that the relay says it took before or after the token's day", () => {
    const startMs = EPOCH * EPOCH_MS;
    for (const acceptedMs of [startMs - CLOCK_SKEW_MS - 1, startMs + EPOCH_MS + CLOCK_SKEW_MS + 1])
      expect(reason({ ...sent, acceptedMs }, { nowMs: acceptedMs })).toBe("time");
  });

  test("T13c: a time that a reporter edits is not what was stamped", () => {
    const evidence = evidenceOf(small.check(sent, me));
    const edited = { ...evidence, head: { ...evidence.head, acceptedMs: NOW_MS + 60_000 } };
    const [verdict] = inspectHeads(headsOf(sender.account, [edited]), me, small.headKeys());
    expect(verdict).toEqual({ kind: "refused", reason: "notStamped" });
  });
});

test("what its own sender keeps is no evidence that somebody else can report", () => {
  const stampedFor = accountIdToBytes(me);
  const own = evidenceOf(small.check(sent, sender.account, { stampedFor, stamp: small.stampFor(me, sent) }));
  const [verdict] = inspectHeads(headsOf(sender.account, [own]), sender.account, small.headKeys());
  expect(verdict).toEqual({ kind: "refused", reason: "notTheirs" });
});
