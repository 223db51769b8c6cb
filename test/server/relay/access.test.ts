/** Who may write to whom, as pure rules; and `setAccess`. */

import { type AccountId, accessTag, type FirstContactPolicy, hashDeliveryKey, parseAccountId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { mailboxId } from "../../../server/ports.js";
import { accessOfStranger, accessTo } from "../../../server/relay/access.js";
import type { Recipient } from "../../../server/relay/accounts.js";
import type { Standing } from "../../../server/relay/standing.js";
import { documentOf } from "./support/registering.js";
import { signatures, TestRelay } from "./support/test-relay.js";

const alice = "00000000-0000-4000-8000-00000000000a" as AccountId;
const bob = "00000000-0000-4000-8000-00000000000b" as AccountId;
const key = (byte: number) => new Uint8Array(16).fill(byte);
const device = { account: bob, device: 1, registrationId: 1, mailbox: mailboxId(bob, 1 as never, 1) } as never;

function recipient(changes: Partial<Recipient> = {}): Recipient {
  return {
    account: alice,
    revision: 1,
    devices: [],
    deliveryKeyHash: hashDeliveryKey(key(1)),
    formerKeyHashes: [hashDeliveryKey(key(2)), hashDeliveryKey(key(3))],
    firstContact: "everyone",
    blocked: new Set(),
    ...changes,
  };
}

const asking = (floor: FirstContactPolicy = "everyone") => ({ device, signatures, floor });
const anonymous = { device: undefined, signatures, floor: "everyone" } as const;
const ground = (name: string) => ({ kind: "ground", ground: name });
const messageId = new Uint8Array(16).fill(7);
const show = (deliveryKey: Uint8Array | undefined) => ({ deliveryKey, messageId });
const refused = (code: string) => ({ kind: "refused", code });
const blocked = { blocked: new Set([bob]) };

describe("access by what is in memory", () => {
  it("on an anonymous connection is the delivery key of now, and nothing else", () => {
    expect(accessTo(recipient({ firstContact: "nobody" }), show(key(1)), anonymous)).toEqual(ground("contact"));
    for (const shown of [undefined, key(2), key(9)]) {
      expect(accessTo(recipient(), show(shown), anonymous)).toEqual(refused("notAllowed"));
    }
    expect(accessTo(undefined, show(key(1)), anonymous)).toEqual(refused("notAllowed"));
  });

  it("on an anonymous connection is the right access tag for this message, of this account", () => {
    const hash = hashDeliveryKey(key(1));
    const withTag = (tag: Uint8Array) => ({ accessTag: tag, messageId });
    const right = withTag(accessTag(messageId, alice, hash));
    expect(accessTo(recipient({ firstContact: "nobody" }), right, anonymous)).toEqual(ground("groupMember"));
    expect(accessTo(undefined, right, anonymous)).toEqual(refused("notAllowed"));
    for (const wrong of [
      accessTag(new Uint8Array(16), alice, hash),
      accessTag(messageId, bob, hash),
      accessTag(messageId, alice, hashDeliveryKey(key(2))),
      new Uint8Array(8),
    ]) {
      expect(accessTo(recipient(), withTag(wrong), anonymous)).toEqual(refused("notAllowed"));
    }
    const absentHash = accessTag(messageId, parseAccountId("00000000-0000-0000-0000-000000000000"), new Uint8Array(32));
    expect(accessTo(undefined, withTag(absentHash), anonymous)).toEqual(refused("notAllowed"));
  });

  it("of a device with a former key is that of a former contact, unless nobody is let in", () => {
    for (const policy of ["everyone", "grant", "contacts"] as const) {
      expect(accessTo(recipient({ firstContact: policy }), show(key(3)), asking())).toEqual(ground("formerContact"));
      expect(accessTo(recipient(), show(key(3)), asking(policy))).toEqual(ground("formerContact"));
    }
    expect(accessTo(recipient({ firstContact: "nobody" }), show(key(3)), asking())).toEqual({ kind: "stranger" });
    expect(accessTo(recipient(), show(key(3)), asking("nobody"))).toEqual({ kind: "stranger" });
  });

  it("of a blocked device is none, whatever key it shows", () => {
    expect(accessTo(recipient(blocked), show(key(1)), asking())).toEqual(refused("notAllowed"));
    expect(accessTo(recipient(blocked), show(key(9)), asking())).toEqual(refused("notAllowed"));
    for (const shown of [undefined, key(2)]) {
      expect(accessTo(recipient(blocked), show(shown), asking())).toEqual({ kind: "stranger" });
    }
  });

  it("takes as many comparisons of keys for every account, former keys or not", () => {
    let compared = 0;
    const counting = {
      ...signatures,
      isDeliveryKey: (shown: Uint8Array, hash: Uint8Array) => {
        compared += 1;
        return signatures.isDeliveryKey(shown, hash);
      },
    };
    const counts = [undefined, recipient(), recipient({ formerKeyHashes: [] }), recipient(blocked)].flatMap((one) =>
      [key(1), key(2), key(9)].map((shown) => {
        compared = 0;
        accessTo(one, show(shown), { device, signatures: counting, floor: "everyone" });
        return compared;
      }),
    );
    expect(new Set(counts)).toEqual(new Set([9]));
  });
});

describe("access of a stranger", () => {
  const standing = (changes: Partial<Standing> = {}): Standing => ({
    wroteFirst: false,
    pair: "room",
    grant: "none",
    claim: { pair: "", nonce: undefined },
    ...changes,
  });
  const to = (changes: Partial<Recipient>, how: Partial<Standing>, floor?: FirstContactPolicy) =>
    accessOfStranger(recipient(changes), undefined, standing(how), asking(floor));

  it("hears of a bad grant, a spent one and a pending request before anything the recipient set", () => {
    for (const set of [{}, blocked, { firstContact: "nobody" }] as const) {
      expect(to(set, { grant: "bad", pair: "full", wroteFirst: true })).toEqual(refused("badGrant"));
      expect(to(set, { grant: "spent", pair: "full" })).toEqual(refused("grantSpent"));
      expect(to(set, { grant: "good", pair: "full" })).toEqual(refused("requestPending"));
    }
    expect(accessOfStranger(undefined, undefined, standing({ pair: "full" }), asking())).toEqual(
      refused("requestPending"),
    );
  });

  it("is a reply under every policy where the recipient wrote first, unless it is blocked", () => {
    for (const firstContact of ["everyone", "grant", "contacts", "nobody"] as const) {
      expect(to({ firstContact }, { wroteFirst: true, pair: "full" }, firstContact)).toEqual(ground("reply"));
      expect(to({ firstContact, ...blocked }, { wroteFirst: true })).toEqual(refused("notAllowed"));
    }
  });

  it("is a first contact where everyone may, or with a grant or what it vouched for where a grant may", () => {
    const rows = [
      ["everyone", "none", "room", true],
      ["everyone", "good", "room", true],
      ["grant", "none", "room", false],
      ["grant", "good", "room", true],
      ["grant", "none", "covered", true],
      ["grant", "spent", "covered", true],
      ["contacts", "good", "covered", false],
      ["nobody", "good", "covered", false],
    ] as const;
    for (const [policy, grant, pair, isAllowed] of rows) {
      const expected = isAllowed ? ground("firstContact") : refused("notAllowed");
      expect(to({ firstContact: policy }, { grant, pair })).toEqual(expected);
      expect(to({}, { grant, pair }, policy)).toEqual(expected);
      expect(to({ firstContact: policy, ...blocked }, { grant, pair })).toEqual(refused("notAllowed"));
    }
  });

  it("with a former key, where former contacts are not taken, is a reply or nothing", () => {
    const nobody = recipient({ firstContact: "nobody" });
    const at = (how: Partial<Standing>) => accessOfStranger(nobody, key(2), standing(how), asking());
    expect(at({ wroteFirst: true })).toEqual(ground("reply"));
    expect(at({ pair: "full" })).toEqual(refused("notAllowed"));
    expect(at({ grant: "good" })).toEqual(refused("notAllowed"));
  });
});

describe("setAccess", () => {
  it("remembers the delivery keys before, the latest first, each once, at most eight, and takes none of them back", async () => {
    const relay = await TestRelay.start();
    const { client, person, device: own } = await relay.person("alice");
    const say = (byte: number, firstContact: FirstContactPolicy = "grant") => {
      const [id, deliveryKeyHash] = [client.id(), hashDeliveryKey(key(byte))];
      client.say({ type: "setAccess", id, deliveryKeyHash, firstContact, blocked: [bob] });
      return id;
    };
    const set = async (byte: number) => {
      say(byte);
      await client.next("done");
    };
    const former = async () => (await documentOf(relay, own)).formerKeyHashes.map((hash) => Buffer.from(hash));
    const hashes = (...bytes: readonly number[]) => bytes.map((byte) => Buffer.from(hashDeliveryKey(key(byte))));
    await set(1);
    await set(1);
    expect(await former()).toEqual([Buffer.from(hashDeliveryKey(person.deliveryKey))]);
    await set(2);
    await set(3);
    await client.failure(say(1, "nobody"), "badFrame");
    expect((await former()).slice(0, 2)).toEqual(hashes(2, 1));
    for (let byte = 4; byte <= 12; byte++) await set(byte);
    expect(await former()).toEqual(hashes(11, 10, 9, 8, 7, 6, 5, 4));
    expect(await documentOf(relay, own)).toMatchObject({ firstContact: "grant", blocked: [bob] });
  });
});
