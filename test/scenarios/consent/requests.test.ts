/** Message requests between two SDKs, and what a modified client gets out of one. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { deriveDeliveryKey, failureFromWire, type Payload } from "@sotto/protocol";
import type { Client, Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  contentOf,
  newMessageId,
  payloadOf,
  RawDevice,
  type Said,
  type SendOver,
} from "../../support/raw-client/index.js";
import { acceptFrom, befriend, itemsUntil, nextEvent, textsOf, World } from "../../support/world.js";
import { codeOf, pendingRequests, requestOf } from "./people.js";

let world: World;
beforeEach(async () => {
  world = await World.open({ refusalDelay: 1 });
});
afterEach(async () => {
  await world.close();
});

async function strangers(): Promise<readonly [Client, Client]> {
  return Promise.all([world.client("alice"), world.client("bob")]);
}

const counts = async (client: Client) => (await client.debugBundle()).counts;

describe("a request", () => {
  it("shows one text and a confirmed user id, and tells its sender nothing before it is accepted", async () => {
    const [alice, bob] = await strangers();
    await alice.setProfile({ name: "A name of her choice" });
    await bob.setProfile({ name: "Bob" });
    const messages: Item[] = [];
    bob.addEventListener("message", ({ item }) => messages.push(item));
    const toBob = await alice.openDM({ userId: "bob" });
    const sent = toBob.send({ text: "may I?" });
    let isDelivered = false;
    sent.delivered.then(() => {
      isDelivered = true;
    });
    const request = await requestOf(bob, alice);
    expect(request).toMatchObject({
      from: { accountId: alice.accountId, userId: "alice" },
      text: "may I?",
      conversation: toBob.id,
    });
    expect(Object.keys(request.from).sort()).toEqual(["accountId", "userId"]);
    expect(await bob.conversations()).toEqual([]);
    // What Alice hears of Bob comes over one mailbox: behind Carol's word to her, nothing of his can be on its way.
    const carol = await world.client("carol");
    const { toAlice: carols } = await befriend(carol, alice);
    expect(carols.id).not.toBe(toBob.id);
    expect({ isDelivered, messages }).toEqual({ isDelivered: false, messages: [] });
    expect(await toBob.peer()).toMatchObject({ relation: "sent", name: undefined });

    const toAlice = await request.accept();
    await sent.delivered;
    await toAlice.send({ text: "you may" }).delivered;
    await toBob.send({ text: "thank you" }).delivered;
    expect(textsOf(await toAlice.latest(20))).toEqual(["may I?", "you may", "thank you"]);
    await itemsUntil(toBob, (item) => item.kind === "profile" && item.direction === "received");
    await itemsUntil(toAlice, (item) => item.kind === "profile" && item.direction === "received");
    expect((await toBob.peer()).name).toBe("Bob");
    expect((await toAlice.peer()).name).toBe("A name of her choice");
    expect(await bob.conversations()).toEqual([toAlice]);
  });

  it("is one text: what follows it, and what is no text, is refused at once and not queued", async () => {
    const [alice, bob] = await strangers();
    const toBob = await alice.openDM({ userId: "bob" });
    const custom = { custom: { schema: "org.example.picture", data: Uint8Array.of(1) } };
    expect(await codeOf(toBob.send(custom).accepted)).toBe("textOnly");
    const sent = toBob.send({ text: "first" });
    const others = [
      toBob.send({ text: "second" }),
      toBob.send(custom),
      toBob.send({ text: "an answer to myself", replyTo: sent.id }),
      toBob.edit(sent.id, { text: "changed" }),
      toBob.react(sent.id, "+"),
      toBob.delete(sent.id),
    ];
    expect(await Promise.all(others.map(({ accepted }) => codeOf(accepted)))).toEqual(
      others.map(() => "requestPending"),
    );
    await sent.accepted;
    const toAlice = await acceptFrom(bob, alice.accountId);
    await sent.delivered;
    await toBob.send({ text: "then" }).delivered;
    expect(textsOf(await toAlice.latest(20))).toEqual(["first", "then"]);
    expect(await counts(bob)).not.toHaveProperty("requestRefused");
  });

  it("may be made without words, and may be taken back before it leaves", async () => {
    const [alice, bob] = await strangers();
    const toBob = await alice.openDM({ userId: "bob" });
    // A client that has not noticed yet would send it on its way.
    const offline = nextEvent<{ state: string }>(alice, "state", ({ state }) => state === "offline");
    await world.stopRelay();
    await offline;
    const regretted = toBob.send({ text: "regretted" });
    await itemsUntil(toBob, () => true);
    expect(await regretted.cancel()).toBe(true);
    expect(await toBob.peer()).toMatchObject({ relation: "none" });
    await world.startRelay();
    await toBob.requestContact();
    await toBob.requestContact();
    const request = await requestOf(bob, alice);
    expect(request.text).toBeUndefined();
    const accepted = nextEvent(alice, "contact");
    await request.accept();
    await accepted;
    await toBob.send({ text: "hello" }).delivered;
  });

  it("is declined in silence: nothing comes back, and nothing more may be said", async () => {
    const [alice, bob] = await strangers();
    const toBob = await alice.openDM({ userId: "bob" });
    await toBob.send({ text: "may I?" }).accepted;
    await (await requestOf(bob, alice)).decline();
    expect(await pendingRequests(bob)).toEqual([]);
    expect(await bob.conversations()).toEqual([]);
    expect(await codeOf(toBob.send({ text: "please?" }).accepted)).toBe("requestPending");
    expect(await toBob.peer()).toMatchObject({ relation: "sent" });
    // Writing to somebody is an answer after all.
    await (await bob.openDM({ userId: "alice" })).send({ text: "well then" }).delivered;
    expect(await toBob.peer()).toMatchObject({ relation: "accepted" });
  });

  it("is accepted by opening the conversation, or by writing in it", async () => {
    const [alice, bob] = await strangers();
    const sent = (await alice.openDM({ userId: "bob" })).send({ text: "may I?" });
    await requestOf(bob, alice);
    expect(await (await bob.openDM({ userId: "alice" })).peer()).toMatchObject({ relation: "accepted" });
    await sent.delivered;

    const carol = await world.client("carol");
    const toCarol = await bob.openDM({ userId: "carol" });
    const asked = (await carol.openDM({ userId: "bob" })).send({ text: "may I, too?" });
    await requestOf(bob, carol);
    await toCarol.send({ text: "yes" }).delivered;
    await asked.delivered;
  });

  it("that crosses another accepts it, and both texts are there", async () => {
    const [alice, bob] = await strangers();
    await Promise.all([alice, bob].map((client) => client.debugBundle()));
    const [toBob, toAlice] = await Promise.all([alice.openDM({ userId: "bob" }), bob.openDM({ userId: "alice" })]);
    await Promise.all([toBob.send({ text: "a" }).delivered, toAlice.send({ text: "b" }).delivered]);
    for (const conversation of [toBob, toAlice]) {
      expect([...textsOf(await conversation.latest(10))].sort()).toEqual(["a", "b"]);
      expect(await conversation.peer()).toMatchObject({ relation: "accepted" });
    }
    expect([...(await pendingRequests(alice)), ...(await pendingRequests(bob))]).toEqual([]);
  });

  it("is one conversation, however often both sides open it at once", async () => {
    const [alice, bob] = await strangers();
    const opened = await Promise.all([
      ...Array.from({ length: 50 }, () => alice.openDM({ userId: "bob" })),
      ...Array.from({ length: 50 }, () => bob.openDM({ userId: "alice" })),
    ]);
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    const [toBob, toAlice] = [opened[0], opened[50]];
    await Promise.all([toBob?.send({ text: "a" }).delivered, toAlice?.send({ text: "b" }).delivered]);
    expect(await alice.conversations()).toEqual([toBob]);
    expect(await bob.conversations()).toEqual([toAlice]);
  });

  it("is told once by each reader, also after a restart, until the reader ends", async () => {
    const bob = await world.client("bob");
    const ask = async (name: string) => {
      const client = await world.client(name);
      await (await client.openDM({ userId: "bob" })).send({ text: name }).accepted;
    };
    const ending = new AbortController();
    const told: (string | undefined)[] = [];
    const heard = nextEvent(bob, "request");
    await ask("alice");
    await heard;
    const reading = (async () => {
      for await (const request of bob.requests({ signal: ending.signal })) {
        told.push(request.text);
        if (told.length === 2) ending.abort();
      }
    })();
    await ask("carol");
    await reading;
    expect(told).toEqual(["alice", "carol"]);
    const reader = bob.requests();
    expect([(await reader.next()).value?.text, (await reader.next()).value?.text]).toEqual(["alice", "carol"]);
    const last = reader.next();
    await bob.close();
    expect((await last).done).toBe(true);
    const again = await world.client("bob");
    expect((await pendingRequests(again, 2)).map(({ text }) => text)).toEqual(["alice", "carol"]);
  });

  it("calls nobody for a link in its text", async () => {
    let calls = 0;
    const site = createServer((_request, response) => {
      calls += 1;
      response.end();
    });
    site.on("connection", () => {
      calls += 1;
    });
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
    const link = `http://127.0.0.1:${(site.address() as AddressInfo).port}/picture.png`;
    const [alice, bob] = await strangers();
    const sent = (await alice.openDM({ userId: "bob" })).send({ text: link });
    const request = await requestOf(bob, alice);
    expect(request.text).toBe(link);
    await request.accept();
    await sent.delivered;
    expect(calls).toBe(0);
    await new Promise((resolve) => site.close(resolve));
  });
});

describe("a modified client", () => {
  let bob: Client;
  let mallory: RawDevice;
  let peer: Awaited<ReturnType<RawDevice["meet"]>>;
  const policies: string[] = [];
  beforeEach(async () => {
    policies.length = 0;
    bob = await world.client("bob");
    bob.addEventListener("policy", ({ what }) => policies.push(what));
    mallory = await RawDevice.register(world.url, "mallory");
    peer = await mallory.meet(bob.accountId);
  });
  afterEach(async () => {
    await mallory.close();
  });

  async function say(payload: Payload, over: SendOver = {}): Promise<string> {
    const answer = await mallory.deliver(peer, await mallory.seal(peer, payload), over);
    return answer.type === "failed" ? String(failureFromWire(answer.failure)) : answer.type;
  }
  const content = (said: Said) => payloadOf(contentOf(mallory, bob.accountId, said), mallory.profileKey);
  const text = (words: string) => content({ kind: "text", text: words });
  const picture = content.bind(undefined, { kind: "custom", schema: "org.example.picture", data: Uint8Array.of(1) });

  /** Everything sent to Bob before was taken: mail behind it is. */
  async function afterwards(): Promise<void> {
    const carol = await world.client("carol");
    await befriend(carol, bob);
  }

  it.each([
    ["media", () => picture()],
    ["a name", () => content({ kind: "profile", name: "Your Bank" })],
    ["a group invitation", () => content({ kind: "custom", schema: "sotto.group-invitation", data: Uint8Array.of(1) })],
    ["a repair", (): Payload => ({ type: "retry", envelopes: [newMessageId()] })],
  ] as const)("that sends %s as its first word is not shown, and counted", async (_what, payload) => {
    expect(await say(payload())).toBe("accepted");
    await afterwards();
    expect(await pendingRequests(bob)).toEqual([]);
    expect(await counts(bob)).toMatchObject({ requestRefused: 1 });
    expect(policies).toHaveLength(1);
    const conversation = await bob.openDM({ accountId: mallory.account });
    expect(await conversation.latest(10)).toEqual([]);
    expect((await conversation.peer()).name).toBeUndefined();
  });

  it("that sends more than its one text is refused by the relay, and what passes as a repair is not shown", async () => {
    expect(await say(text("one"))).toBe("accepted");
    expect(await say(text("two"))).toBe("requestPending");
    expect(await say(picture())).toBe("requestPending");
    for (const payload of [text("two"), picture(), content({ kind: "profile", name: "Your Bank" })]) {
      expect(await say(payload, { purpose: "repair" })).toBe("accepted");
    }
    await afterwards();
    expect((await pendingRequests(bob, 1)).map((request) => request.text)).toEqual(["one"]);
    expect(await counts(bob)).toMatchObject({ requestRefused: 3 });
    expect(policies).toEqual(["pending", "pending", "pending"]);
    const conversation = await acceptFrom(bob, mallory.account);
    expect(textsOf(await conversation.latest(10))).toEqual(["one"]);
    expect((await conversation.peer()).name).toBeUndefined();
  });

  it("that got hold of the delivery key is judged as the stranger it is", async () => {
    const carol = await RawDevice.register(world.url, "carol-by-hand");
    const toBob = await carol.meet(bob.accountId);
    await carol.deliver(toBob, await carol.seal(toBob, { type: "contact", profileKey: carol.profileKey }));
    await acceptFrom(bob, carol.account);
    const answer = await carol.receive();
    if (answer.type !== "contact") throw new Error("expected Bob's key");
    const deliveryKey = deriveDeliveryKey(answer.profileKey);
    await carol.close();
    for (const words of ["one", "two", "three"]) expect(await say(text(words), { deliveryKey })).toBe("accepted");
    await afterwards();
    expect((await pendingRequests(bob, 1)).map((request) => request.text)).toEqual(["one"]);
    expect(await counts(bob)).toMatchObject({ requestRefused: 2 });

    await bob.setPolicy("contacts");
    const eve = await RawDevice.register(world.url, "eve");
    const device = await eve.meet(bob.accountId);
    const words = payloadOf(contentOf(eve, bob.accountId, { kind: "text", text: "sealed" }), eve.profileKey);
    const refused = nextEvent(bob, "policy");
    expect(await eve.deliver(device, await eve.seal(device, words), { deliveryKey })).toMatchObject({
      type: "accepted",
    });
    await refused;
    expect(policies.at(-1)).toBe("policy");
    expect(await pendingRequests(bob, 1)).toHaveLength(1);
    await eve.close();
  });

  it("that claims another's user id is shown without one", async () => {
    await world.client("alice");
    expect(await say({ type: "contact", profileKey: mallory.profileKey, userId: "alice" })).toBe("accepted");
    const [request] = await pendingRequests(bob, 1);
    expect(request?.from).toEqual({ accountId: mallory.account, userId: undefined });
  });

  it("whose text does not open is a request without words, and is asked for it only once it is accepted", async () => {
    const broken = (inner: Uint8Array) => {
      const bytes = Uint8Array.from(inner);
      bytes[inner.length - 1] = (bytes[inner.length - 1] as number) ^ 1;
      return bytes;
    };
    const said = contentOf(mallory, bob.accountId, { kind: "text", text: "found again" });
    const payload = payloadOf(said, mallory.profileKey);
    const messageId = newMessageId();
    const heard = nextEvent<{ request: { text: string | undefined; accept(): Promise<unknown> } }>(bob, "request");
    await mallory.deliver(peer, await mallory.seal(peer, payload, { damage: broken }), { messageId });
    const { request } = await heard;
    expect(request.text).toBeUndefined();
    await afterwards();
    expect(mallory.socket.unread.filter(({ type }) => type === "deliver")).toEqual([]);
    await request.accept();
    const asked: Payload[] = [await mallory.receive(), await mallory.receive()];
    expect(asked.map(({ type }) => type).sort()).toEqual(["contact", "retry"]);
    const handed = asked.find((one) => one.type === "contact");
    if (handed?.type !== "contact") throw new Error("no key");
    const deliveryKey = deriveDeliveryKey(handed.profileKey);
    const conversation = await bob.openDM({ accountId: mallory.account });
    const resend = { ...payload, resendOf: messageId };
    expect(await say(resend, { deliveryKey })).toBe("accepted");
    const items = await itemsUntil(conversation, () => true);
    const [item] = items;
    const resolved = item?.kind === "undecryptable" ? await item.resolved : item;
    expect(resolved).toMatchObject({ kind: "text", text: "found again" });
  });
});
