/**
 * What a contact, or a stranger whom a contact lent its delivery key, can do with a modified client: nothing to other
 * conversations, nothing without bound, and nothing that tells it more than an honest client learns.
 */

import { randomBytes } from "node:crypto";
import {
  type AccountId,
  encodeContent,
  encodeOwnBody,
  encodeRegisters,
  encodeRegisterValue,
  type Payload,
  type Register,
} from "@sotto/protocol";
import type { Client, Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_RESENDS } from "../../../sdk/core/outbox/kept-sends.js";
import { eventually } from "../../support/devices-of.js";
import { contentOf, newContentId, payloadOf, RawDevice } from "../../support/raw-client/index.js";
import { Attack, introduce, type Reached } from "./attack.js";

let attack: Attack;
beforeEach(async () => {
  attack = await Attack.open({ mailboxEnvelopes: 10_000 });
});
afterEach(async () => {
  await attack.expectConversationGoesOn();
  await attack.close();
});

/** Ciphertexts of Mallory's to Bob. */
async function sealed(payloads: readonly Payload[]): Promise<readonly Uint8Array[]> {
  const bodies: Uint8Array[] = [];
  for (const payload of payloads) bodies.push(await attack.mallory.seal(attack.bob, payload));
  return bodies;
}

/** What the relay has for a device that speaks by hand, opened, once everything sent so far is there. */
async function mailOf(raw: RawDevice): Promise<readonly Payload[]> {
  await raw.socket.settled();
  const payloads: Payload[] = [];
  while (raw.socket.unread.some(({ type }) => type === "deliver")) payloads.push(await raw.receive());
  return payloads;
}

describe("a contact", () => {
  it("that speaks as if it were a device of the reader's account changes nothing", async () => {
    const { mallory, bob, pair } = attack;
    const alice = pair.alice.accountId;
    const contact = {
      account: alice,
      version: 99,
      relation: "blocked",
      role: "person",
      verification: "verified",
    } as const;
    const content = encodeContent(contentOf({ account: bob.account, device: bob.device }, alice, text("planted")));
    const archive = { transfer: new Uint8Array(16), part: 1, last: "no", done: 0, total: 1, entries: [] } as const;
    const draft: Register = {
      ...{ kind: "draft", key: pair.toAlice.id, atMs: Date.now(), device: bob.device },
      value: encodeRegisterValue("draft", { text: "planted" }),
    };
    const { texts, altered, counts } = await attack.changedBy(
      await sealed([
        { type: "registers", body: encodeRegisters([draft]) },
        { type: "sent", peer: alice, atMs: Date.now(), content },
        { type: "sent", peer: mallory.account, atMs: Date.now(), content },
        { type: "state", body: encodeOwnBody("state", { contacts: [contact], last: "yes" }) },
        { type: "archive", body: encodeOwnBody("archive", archive) },
        { type: "archived", body: encodeOwnBody("archived", { transfer: new Uint8Array(16), part: 1 }) },
      ]),
    );
    expect({ texts, altered, counts }).toEqual({
      texts: ["an honest word"],
      altered: [],
      counts: { unfit: 6, opened: 1 },
    });
    expect(await pair.toAlice.peer()).toMatchObject({ relation: "accepted" });
    expect(await pair.toAlice.draft()).toBeUndefined();
  });

  it("that says it lost everything, again and again, gets nothing again without bound", async () => {
    const { mallory, pair } = attack;
    const toMallory = await pair.bob.openDM({ accountId: mallory.account });
    await Promise.all(["one", "two"].map((words) => toMallory.send({ text: words }).accepted));
    await mailOf(mallory);
    const lost = await sealed(Array.from({ length: 20 }, () => ({ type: "missed", atMs: 0 }) as const));
    await attack.deliver(lost, { purpose: "repair" });
    await attack.sayHonestly("done");
    await eventually(
      async () => (await pair.bob.debugBundle()).outboxSize,
      (waiting) => waiting === 0,
    );
    const again = (await mailOf(mallory)).filter(
      (payload) => payload.type === "content" && payload.resendOf !== undefined,
    );
    // What it was sent counts its receipt and its profile as well; each goes again a few times at most.
    const times = new Map<string, number>();
    for (const payload of again) {
      const name = "resendOf" in payload ? String(payload.resendOf) : "";
      times.set(name, (times.get(name) ?? 0) + 1);
    }
    expect(again.length).toBeGreaterThan(0);
    expect(Math.max(...times.values())).toBeLessThanOrEqual(MAX_RESENDS);
  });

  it("that hands over one key after another is answered by none", async () => {
    const { mallory, pair } = attack;
    await mailOf(mallory);
    const sentBefore = (await pair.bob.debugBundle()).counts.sendsAccepted ?? 0;
    const storm = Array.from({ length: 50 }, () => ({ type: "contact", profileKey: key() }) as const);
    await attack.changedBy(await sealed([...storm, { type: "contact", profileKey: mallory.profileKey }]));
    await eventually(
      async () => (await pair.bob.debugBundle()).outboxSize,
      (waiting) => waiting === 0,
    );
    // The receipt of the honest word behind them, and what was on its way before.
    const sent = ((await pair.bob.debugBundle()).counts.sendsAccepted ?? 0) - sentBefore;
    expect(sent).toBeLessThan(5);
  });

  it("that receipts, edits, deletes or reacts to what is said between others alters nothing", async () => {
    const { pair } = attack;
    const mine = pair.toAlice.send({ text: "to alice alone" });
    await mine.delivered;
    const [theirs] = await pair.toAlice.latest(1);
    const target = mine.id;
    const { texts, altered } = await attack.changedBy([
      await attack.sealed({ kind: "receipt", receipt: "read", targets: [target] }),
      await attack.sealed({ kind: "reaction", target, emoji: "x", action: "add" }),
      await attack.sealed({ kind: "edit", target, text: "changed" }),
      await attack.sealed({ kind: "delete", target }),
    ]);
    expect({ texts, altered }).toEqual({ texts: ["an honest word"], altered: [] });
    expect(await pair.toAlice.latest(1)).toEqual([theirs]);
  });
});

describe("a stranger with a delivery key that was lent to it", () => {
  it("gets one text shown, as a request, and nothing else it says: no name, no second text, no receipt", async () => {
    const { pair } = attack;
    const eve = await RawDevice.register(attack.world.url, "eve");
    const device = await eve.meet(pair.bob.accountId);
    const deliveryKey = await lentKey();
    const told: Item[] = [];
    pair.bob.addEventListener("message", ({ item }) => told.push(item));
    const refused: string[] = [];
    pair.bob.addEventListener("policy", () => refused.push("refused"));
    const reached = { device, deliveryKey };
    await say(eve, reached, { kind: "profile", name: "Alice" });
    await say(eve, reached, { kind: "receipt", receipt: "read", targets: [newContentId()] });
    await say(eve, reached, text("only this"));
    await say(eve, reached, text("and this"));
    await say(eve, reached, { kind: "profile", name: "Alice" });
    await eve.deliver(device, await eve.seal(device, { type: "missed", atMs: 0 }), { deliveryKey });
    await eventually(
      async () => refused.length,
      (count) => count >= 5,
    );
    const request = await requestOf(pair.bob, eve.account);
    expect(request).toMatchObject({ text: "only this", from: { userId: undefined } });
    expect(told).toEqual([]);
    const toEve = (await pair.bob.conversations()).map(({ id }) => id);
    expect(toEve).not.toContain(request.conversation);
    expect(await mailOf(eve)).toEqual([]);
    await eve.close();
  });

  it("learns nothing more from look-ups once it is blocked", async () => {
    const { mallory, pair, bob } = attack;
    const lookUps = async () => {
      const resolved = await mallory.socket.ask({ type: "resolve", userId: "bob" });
      const bundles = await mallory.socket.ask({ type: "fetchBundles", account: bob.account, devices: [] });
      if (resolved.type !== "resolved" || bundles.type !== "bundles") throw new Error("refused");
      return { ...resolved, id: 0, devices: bundles.devices.map(({ device }) => device) };
    };
    const before = await lookUps();
    await (await pair.bob.openDM({ accountId: mallory.account })).block();
    expect(await lookUps()).toEqual(before);
  });
});

function text(words: string) {
  return { kind: "text", text: words } as const;
}

function key(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}

/** Bob's delivery key, as Mallory hands it on. */
async function lentKey(): Promise<Uint8Array> {
  const lender = await RawDevice.register(attack.world.url, "lender");
  const { deliveryKey } = await introduce(lender, attack.pair.bob);
  await lender.close();
  return deliveryKey;
}

async function say(
  raw: RawDevice,
  { device, deliveryKey }: Reached,
  said: Parameters<typeof contentOf>[2],
  lies: Parameters<typeof contentOf>[3] = {},
): Promise<void> {
  const body = await raw.seal(device, payloadOf(contentOf(raw, device.account, said, lies)));
  expect(await raw.deliver(device, body, { deliveryKey })).toMatchObject({ type: "accepted" });
}

async function requestOf(client: Client, account: AccountId) {
  for await (const request of client.requests()) if (request.from.accountId === account) return request;
  throw new Error("the client closed before the request came");
}
