/**
 * What a modified sender, a lying relay or somebody with stolen ciphertexts can put into a mailbox: none of it is shown,
 * each is counted under its reason, and the conversations with the honest go on.
 */

import { randomBytes } from "node:crypto";
import { PrivateKey, SenderCertificate } from "@signalapp/libsignal-client";
import { type Content, type ConversationId, type DeviceId, directConversationId, encodePayload } from "@sotto/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { issueCertificate, newRoot } from "../../contract/engine/oracle.js";
import {
  commitmentOf,
  contentOf,
  newContentId,
  payloadOf,
  RawDevice,
  type Said,
  SignalSide,
} from "../../support/raw-client/index.js";
import { itemsUntil, nextEvent, textsOf } from "../../support/world.js";
import { Attack } from "./attack.js";

const DAY_MS = 86_400_000;
const MUTATIONS = 1_000;
const forged: Said = { kind: "text", text: "forged" };
let attack: Attack;

beforeEach(async () => {
  attack = await Attack.open({ mailboxEnvelopes: 10_000 });
});
afterEach(async () => {
  await attack.expectConversationGoesOn();
  await attack.close();
});

/** A text of Mallory's to Bob under another certificate. */
function under(certificate: Uint8Array): Promise<Uint8Array> {
  const { mallory, bob } = attack;
  return mallory.seal(bob, payloadOf(contentOf(mallory, bob.account, forged)), { certificate });
}

const certificates: readonly [string, () => Uint8Array | Promise<Uint8Array>][] = [
  [
    "names another sender, under a root of the attacker's own",
    () => {
      const sender = { account: attack.pair.alice.accountId, device: attack.pair.alice.deviceId };
      const identityKey = attack.mallory.signal.identity.publicKey.serialize();
      return issueCertificate(newRoot(), { sender, identityKey, expiresMs: Date.now() + DAY_MS });
    },
  ],
  [
    "tells the truth, under another relay's root",
    () => {
      const identityKey = attack.mallory.signal.identity.publicKey.serialize();
      return issueCertificate(newRoot(), { sender: attack.mallory, identityKey, expiresMs: Date.now() + DAY_MS });
    },
  ],
  [
    "carries the relay's own server certificate, signed by the attacker instead",
    async () => {
      const { identity } = attack.mallory.signal;
      const real = SenderCertificate.deserialize(Uint8Array.from(await attack.mallory.certificate()));
      const { accountId, deviceId } = attack.pair.alice;
      const server = real.serverCertificate();
      const { publicKey, privateKey } = identity;
      return SenderCertificate.new(
        accountId,
        null,
        deviceId,
        publicKey,
        Date.now() + DAY_MS,
        server,
        privateKey,
      ).serialize();
    },
  ],
  [
    "has expired",
    () => {
      const identityKey = attack.mallory.signal.identity.publicKey.serialize();
      const { account, device } = attack.mallory;
      return attack.relayKeys.issueCertificate({
        account,
        device,
        role: "person",
        identityKey,
        expiresMs: Date.now() - 60_000,
      });
    },
  ],
  [
    "is somebody else's",
    () => {
      const identityKey = PrivateKey.generate().getPublicKey().serialize();
      const { accountId: account, deviceId: device } = attack.pair.alice;
      return attack.relayKeys.issueCertificate({
        account,
        device,
        role: "person",
        identityKey,
        expiresMs: Date.now() + DAY_MS,
      });
    },
  ],
  [
    "names the recipient itself",
    () => {
      const { account, device } = attack.bob;
      const identityKey = attack.mallory.signal.identity.publicKey.serialize();
      return attack.relayKeys.issueCertificate({
        account,
        device,
        role: "person",
        identityKey,
        expiresMs: Date.now() + DAY_MS,
      });
    },
  ],
];

describe("an envelope whose certificate", () => {
  it.each(certificates)("%s is rejected", async (_case, certificate) => {
    const { texts, altered, counts } = await attack.changedBy([await under(await certificate())]);
    expect({ texts, altered, counts }).toEqual({
      texts: ["an honest word"],
      altered: [],
      counts: { rejected: 1, opened: 1 },
    });
  });

  it("is valid and names an impostor shows the change of keys to the user", async () => {
    const { mallory, bob, pair, relayKeys } = attack;
    const { accountId: account, deviceId: device } = pair.alice;
    const impostor = new SignalSide(1);
    const identityKey = impostor.identity.publicKey.serialize();
    const certificate = relayKeys.issueCertificate({
      account,
      device,
      role: "person",
      identityKey,
      expiresMs: Date.now() + DAY_MS,
    });
    const bundles = await mallory.socket.ask({ type: "fetchBundles", account: bob.account, devices: [] });
    if (bundles.type !== "bundles") throw new Error("no bundles");
    await impostor.startSession({ account, device }, bundles, 0);
    const padded = encodePayload(payloadOf(contentOf({ account, device }, bob.account, forged)));
    const changed = nextEvent(pair.bob, "keychange");
    await attack.deliver([await impostor.encrypt({ account, device }, bob, padded, { certificate })]);
    await changed;
    const kinds = (await itemsUntil(pair.toAlice, ({ kind }) => kind === "keychange")).map(({ kind }) => kind);
    expect(kinds).toEqual(["text", "keychange"]);
  });
});

describe("a ciphertext", () => {
  it("that was delivered before is a duplicate, under the same id or another", async () => {
    const body = await attack.sealed({ kind: "text", text: "once" });
    const messageId = new Uint8Array(randomBytes(16));
    await attack.deliver([body], { messageId });
    await attack.sayHonestly("then");
    // The relay answers a repeat of an id itself; under another id only the ratchet can tell.
    await attack.deliver([body], { messageId });
    const { texts, altered, counts } = await attack.changedBy([body, body]);
    expect({ texts, altered, counts }).toEqual({
      texts: ["an honest word"],
      altered: [],
      counts: { duplicate: 2, opened: 1 },
    });
  });

  it("for another recipient is rejected", async () => {
    const carol = await RawDevice.register(attack.world.url, "carol");
    const toCarol = await attack.mallory.meet(carol.account);
    const content = contentOf(attack.mallory, attack.bob.account, forged);
    const { texts, counts } = await attack.changedBy([await attack.mallory.seal(toCarol, payloadOf(content))]);
    expect({ texts, counts }).toEqual({ texts: ["an honest word"], counts: { rejected: 1, opened: 1 } });
    await carol.close();
  });

  it(`of ${MUTATIONS} that were damaged shows nothing, unless it still is the true one, and that once`, async () => {
    const body = await attack.sealed({ kind: "text", text: "the true one" });
    const mutated = fc.oneof(
      fc.nat({ max: body.length * 8 - 1 }).map((bit) => flipped(body, bit)),
      fc.integer({ min: 1, max: body.length - 1 }).map((length) => body.subarray(0, length)),
      fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
      fc.uint8Array({ minLength: 1, maxLength: 64 }).map((tail) => Buffer.concat([body, tail])),
    );
    const bodies = fc.sample(mutated, MUTATIONS);
    const { texts, altered, counts } = await attack.changedBy(bodies, { commitment: commitmentOf(body) });
    // The outer format ignores a few bits (the lower half of its version byte): then it is the same message.
    const { rejected = 0, duplicate = 0, opened = 0, ...others } = counts;
    expect({ altered, others, sum: rejected + duplicate + opened }).toEqual({
      altered: [],
      others: {},
      sum: MUTATIONS + 1,
    });
    expect(rejected).toBeGreaterThan(MUTATIONS * 0.9);
    expect(texts.filter((text) => text !== "the true one")).toEqual(["an honest word"]);
    expect(texts.filter((text) => text === "the true one")).toHaveLength(opened - 1);
    await attack.deliver([body]);
    await attack.sayHonestly("the end");
    const shown = await (await attack.pair.bob.openDM({ accountId: attack.mallory.account })).latest(10);
    expect(textsOf(shown).filter((text) => text === "the true one")).toHaveLength(1);
  }, 120_000);
});

describe("a content that opens but", () => {
  const unfit: readonly [string, () => Partial<Content>][] = [
    ["names another sender", () => ({ sender: attack.pair.alice.accountId })],
    ["names the reader as its sender", () => ({ sender: attack.bob.account })],
    ["names another device of its sender", () => ({ device: 2 as DeviceId })],
    ["names the conversation of two others", () => ({ conversation: attack.pair.toAlice.id })],
    ["names a conversation of nobody", () => ({ conversation: "00".repeat(16) as ConversationId })],
    [
      "names the conversation the sender has with somebody else",
      () => ({ conversation: directConversationId(attack.mallory.account, attack.pair.alice.accountId) }),
    ],
  ];

  it.each(unfit)("%s is unfit", async (_case, lies) => {
    const { texts, altered, counts } = await attack.changedBy([await attack.sealed(forged, lies())]);
    expect({ texts, altered, counts }).toEqual({
      texts: ["an honest word"],
      altered: [],
      counts: { unfit: 1, opened: 1 },
    });
  });

  it("is no content, or badly padded, is unfit", async () => {
    const { mallory, bob } = attack;
    const certificate = await mallory.certificate();
    const bodies: Uint8Array[] = [];
    for (const padded of [
      new Uint8Array(0),
      new Uint8Array(256),
      new Uint8Array(randomBytes(256)),
      Buffer.from("text"),
    ]) {
      bodies.push(await mallory.signal.encrypt(mallory, bob, padded, { certificate }));
    }
    bodies.push(await mallory.seal(bob, { type: "content", content: new Uint8Array(randomBytes(100)) }));
    const { texts, counts } = await attack.changedBy(bodies);
    expect({ texts, counts }).toEqual({ texts: ["an honest word"], counts: { unfit: bodies.length, opened: 1 } });
  });

  it("was stored although its kind is only ever passing by is refused", async () => {
    const bodies = [await attack.sealed({ kind: "typing", typing: "started" })];
    const { texts, counts } = await attack.changedBy(bodies);
    expect({ texts, counts }).toEqual({ texts: ["an honest word"], counts: { contentRefused: 1, opened: 2 } });
  });

  it("passes by although its kind is only ever stored is dropped", async () => {
    const bodies = [
      await attack.sealed(forged),
      await attack.sealed({ kind: "profile", name: "forged" }),
      await attack.sealed({ kind: "receipt", receipt: "read", targets: [newContentId()] }),
    ];
    const { texts, kinds, counts } = await attack.changedBy(bodies, { storage: "ephemeral" });
    expect({ texts, kinds, counts }).toEqual({
      texts: ["an honest word"],
      kinds: ["text"],
      counts: { ephemeralDropped: 3, opened: 4, unshown: 2, "unshown.unfranked": 2 },
    });
  });

  it("says a message id again is shown once", async () => {
    const messageId = newContentId();
    const bodies = [
      await attack.sealed({ kind: "text", text: "first" }, { messageId }),
      await attack.sealed({ kind: "text", text: "second" }, { messageId }),
    ];
    expect((await attack.changedBy(bodies)).texts).toEqual(["first", "an honest word"]);
  });
});

describe("somebody else's message", () => {
  it("is neither edited, deleted, nor marked, by whoever knows its id", async () => {
    const { pair, mallory } = attack;
    const [alices] = await itemsUntil(pair.toAlice, ({ kind }) => kind === "text");
    if (alices?.kind !== "text") throw new Error("expected a text");
    const toMallory = await pair.bob.openDM({ accountId: mallory.account });
    const bobs = toMallory.send({ text: "what bob said to mallory" });
    await bobs.accepted;

    const bodies: Uint8Array[] = [];
    for (const target of [alices.messageId, bobs.id]) {
      bodies.push(await attack.sealed({ kind: "edit", target, text: "forged" }));
      bodies.push(await attack.sealed({ kind: "delete", target }));
    }
    bodies.push(await attack.sealed({ kind: "reaction", target: alices.messageId, emoji: "💩", action: "add" }));
    bodies.push(await attack.sealed({ kind: "receipt", receipt: "read", targets: [alices.messageId] }));
    const { texts, altered, kinds } = await attack.changedBy(bodies);
    expect({ texts, altered, kinds }).toEqual({ texts: ["an honest word"], altered: [], kinds: ["text"] });
    expect(textsOf(await toMallory.latest(10))).toEqual(["what bob said to mallory", "an honest word"]);
    expect(textsOf(await pair.toAlice.latest(10))).toEqual(["before"]);
  });
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}
