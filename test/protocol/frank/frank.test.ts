import {
  accountIdToBytes,
  CLOCK_SKEW_MS,
  type ConversationId,
  EPOCH_MS,
  FRANK_BYTES,
  type FrankCheck,
  groupRoster,
  makeFrank,
  parseDeviceId,
  toHex,
  tokenName,
  tokenOfFrank,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accountOf,
  EPOCH,
  evidenceOf,
  holds,
  NOW_MS,
  reasonOf,
  SmallRealm,
  secretOf,
} from "../../support/franking/realm.js";
import { refusal } from "../refusal.js";

const small = new SmallRealm();
const sender = small.device("S", { device: 2 });
const me = accountOf("A");
const content = small.text(sender, me, "meet me at noon");
const sent = small.send(sender, me, content);
const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
const standing = { group, revision: 3, head: secretOf("head") };
const members = [sender.account, me, accountOf("B")];

describe("a frank", () => {
  test("passes for the account it is meant for, and yields evidence that holds neither secret nor the issuer's signature", () => {
    const { head, wordsKey, commitment } = evidenceOf(small.check(sent, me));
    expect(head).toMatchObject({ account: sender.account, device: 2, epoch: EPOCH, recipient: me, acceptedMs: NOW_MS });
    expect(commitment).toEqual(sent.commitment);
    expect(head.stampedFor).toEqual(accountIdToBytes(me));
    const kept = Buffer.concat([...Object.values(head).filter((value) => value instanceof Uint8Array), wordsKey]);
    expect(holds(kept, sent.frank.subarray(1, 33))).toBe(false);
    expect(holds(kept, sender.token.signature)).toBe(false);
  });

  test("is the same bytes for the same secret, and shares no key with one of another", () => {
    expect(small.send(sender, me, content)).toEqual(sent);
    const other = small.send(sender, me, content, { secret: secretOf("another secret") });
    expect(other.commitment).not.toEqual(sent.commitment);
    expect(other.frank.subarray(165)).not.toEqual(sent.frank.subarray(165));
  });

  test("says its epoch to who has to fetch a key first, and says nothing if it is none", () => {
    expect(tokenOfFrank(sent.frank)?.epoch).toBe(EPOCH);
    expect(tokenOfFrank(sent.frank.subarray(1))).toBeUndefined();
    expect(tokenOfFrank(new Uint8Array(FRANK_BYTES).fill(2))).toBeUndefined();
    expect(tokenOfFrank(new Uint8Array(0))).toBeUndefined();
  });

  test("is not made with a secret of another length", () => {
    const { realm } = small;
    const audience = { kind: "account", account: me } as const;
    for (const size of [0, 31, 33]) {
      const secret = new Uint8Array(size);
      const { token, key } = sender;
      expect(
        refusal(() =>
          makeFrank({ realm, speaker: sender, token, secret, committed: sent.committed, audience, sign: key.sign }),
        ),
      ).toBe("invalidArgument");
    }
  });

  test("does not pass with a single bit of frank, commitment or words changed", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("frank", "commitment", "committed"),
        fc.nat(10_000),
        fc.nat(7),
        (name: "frank" | "commitment" | "committed", place, bit) => {
          const bytes = new Uint8Array(sent[name]);
          const at = place % bytes.length;
          bytes[at] = (bytes[at] as number) ^ (1 << bit);
          expect(small.check({ ...sent, [name]: bytes }, me).kind).toBe("refused");
        },
      ),
      { numRuns: 300 },
    );
  });

  test("of every other length is refused", () => {
    fc.assert(
      fc.property(fc.nat(FRANK_BYTES * 2), (length) => {
        fc.pre(length !== FRANK_BYTES);
        const frank = new Uint8Array(length).fill(1);
        frank.set(sent.frank.subarray(0, length));
        const expected = length === 0 ? "unfranked" : "malformed";
        expect(reasonOf(small.check({ ...sent, frank }, me))).toBe(expected);
      }),
    );
  });

  test("lies anywhere in a larger buffer", () => {
    const buffer = new Uint8Array(FRANK_BYTES + 40).fill(7);
    buffer.set(sent.frank, 13);
    expect(small.check({ ...sent, frank: buffer.subarray(13, 13 + FRANK_BYTES) }, me).kind).toBe("genuine");
  });
});

describe("the check tells why", () => {
  const other = small.device("S", { device: 3 });
  test.each<[string, Partial<FrankCheck>, string]>([
    ["no frank", { frank: new Uint8Array(0) }, "unfranked"],
    ["no stamp", { stamp: new Uint8Array(0) }, "unfranked"],
    ["a stamp of another length", { stamp: new Uint8Array(15) }, "unfranked"],
    ["a version to come", { frank: Uint8Array.of(2, ...sent.frank.subarray(1)) }, "version"],
    ["version 0", { frank: Uint8Array.of(0, ...sent.frank.subarray(1)) }, "version"],
    ["version 0 where the realm would take it", { frank: Uint8Array.of(0), minVersion: 0 }, "malformed"],
    ["a realm that asks for more", { minVersion: 2 }, "version"],
    ["an epoch the realm does not know", { epochKey: () => undefined }, "epoch"],
    ["taken before the token's life", { acceptedMs: EPOCH * EPOCH_MS - CLOCK_SKEW_MS - 1 }, "time"],
    ["taken after it", { acceptedMs: (EPOCH + 1) * EPOCH_MS + CLOCK_SKEW_MS + 1, nowMs: NOW_MS * 2 }, "time"],
    ["taken in the future", { nowMs: NOW_MS - CLOCK_SKEW_MS - 1 }, "time"],
    ["another commitment", { commitment: secretOf("other") }, "commitment"],
    ["other words", { committed: Uint8Array.of(1) }, "commitment"],
    ["another account's session", { speaker: { ...sender, account: accountOf("X") } }, "token"],
    ["another device's session", { speaker: other }, "token"],
    ["another issuer", { epochKey: () => secretOf("no key") }, "token"],
    [
      "a token that was revoked",
      { isRevoked: (name) => Buffer.compare(name, tokenName(sender.key.publicKey)) === 0 },
      "revoked",
    ],
    ["a reader it is not for", { me: accountOf("B") }, "roster"],
    ["a DM said to somebody else", { audience: { kind: "account", account: accountOf("B") } }, "roster"],
    ["another realm", { realm: new SmallRealm("other").realm }, "commitment"],
  ])("%s", (_why, changed, reason) => {
    expect(reasonOf(small.check(sent, me, changed))).toBe(reason);
  });

  test("a signature by another key than the token's", () => {
    const forged = small.send({ ...sender, key: other.key }, me, content);
    expect(reasonOf(small.check(forged, me))).toBe("signature");
  });
});

describe("a frank to a group", () => {
  const roster = groupRoster(small.realm, standing, members);
  const said = small.send(sender, { kind: "group", roster }, { ...content, conversation: group, revision: 3 });

  test("passes for each member, each with its own leaf", () => {
    for (const member of members) {
      const { head } = evidenceOf(small.check(said, member));
      expect(head.recipient).toBe(member);
      expect(head.path.length).toBe(2);
    }
  });

  test("does not pass for who is no member, nor with the roster of another entry", () => {
    expect(reasonOf(small.check(said, accountOf("outsider")))).toBe("roster");
    const stale = groupRoster(small.realm, { ...standing, revision: 2 }, members);
    expect(reasonOf(small.check({ ...said, audience: { kind: "group", roster: stale } }, me))).toBe("commitment");
  });

  test("keeps for its sender what the relay stamped for the group", () => {
    const stampedFor = secretOf("group").subarray(0, 16);
    const stamp = small.stampFor(stampedFor, said);
    const { head } = evidenceOf(small.check(said, sender.account, { stampedFor, stamp }));
    expect(head.stampedFor).toEqual(stampedFor);
    expect(head.recipient).toBe(sender.account);
  });
});

test("what a device sent to one account is evidence of its own, opened for who got it", () => {
  const stampedFor = accountIdToBytes(me);
  const checked = small.check(sent, sender.account, { stampedFor, stamp: small.stampFor(me, sent) });
  expect(evidenceOf(checked).head).toMatchObject({ recipient: me, account: sender.account, device: parseDeviceId(2) });
});
