/** What the desk did to accounts: signed, timed, taken back, carried out wherever an account names itself. */

import { randomBytes } from "node:crypto";
import type { SanctionKind, WireFailureCode } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Store } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import { newSigner, TestRealm } from "../../support/raw-desk.js";
import type { Client } from "./support/client.js";
import { withDesk } from "./support/desk.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { envelopeFor, sealedTo, sendFrame, type TestRelay } from "./support/test-relay.js";

const HOUR = 3_600_000;
const newId = () => new Uint8Array(randomBytes(16));

type Community = Awaited<ReturnType<typeof community>>;

/** A relay with a desk, and people. */
async function community(options: Parameters<typeof withDesk>[0] = {}, realm?: TestRealm) {
  const { desk, ...rest } = await withDesk(options, realm);
  const enforce = async (sanction: Parameters<TestRealm["sanction"]>[0]) => {
    desk.say({ type: "enforce", id: desk.id(), sanction: rest.realm.sanction(sanction) });
    await desk.skipTo("done");
  };
  return { desk, enforce, ...rest };
}

/** Everything an account may be refused, by name; each answers what the relay said. */
async function attempts(relay: TestRelay, who: { readonly client: Client; readonly device: TestDevice }) {
  const other = await relay.person(`other ${randomBytes(4).toString("hex")}`);
  const { client } = who;
  const { account } = other.device.known;
  const others = envelopeFor(other.device);
  const ask = async (frame: Parameters<Client["say"]>[0]): Promise<string> => {
    client.say(frame);
    const seen = new Set(["devicesChanged", "deskNews"]);
    for (;;) {
      const [type] = await client.rest();
      if (type === undefined) throw new Error("nothing came");
      const answer = await client.next(type as "failed");
      if (!seen.has(answer.type)) return answer.type === "failed" ? codeOf(answer.failure) : answer.type;
    }
  };
  return {
    firstContact: () => ask(sendFrame(client, [{ account, envelopes: [others] }])),
    contact: () => ask(sendFrame(client, [sealedTo(other.device)])),
    typing: () => ask(sendFrame(client, [sealedTo(other.device)], { storage: "ephemeral" })),
    ownDevices: () => ask(sendFrame(client, [{ account: who.device.known.account, envelopes: [] }])),
    resolve: () => ask({ type: "resolve", id: client.id(), userId: other.person.userId }),
    bundles: () => ask({ type: "fetchBundles", id: client.id(), account, devices: [other.device.known.device] }),
    certificate: () => ask({ type: "fetchCertificate", id: client.id() }),
    upload: () => ask({ type: "requestUpload", id: client.id(), bytes: 65_552 }),
    devices: () => ask({ type: "listDevices", id: client.id() }),
    realm: () => ask({ type: "fetchRealm", id: client.id() }),
    report: () => ask({ type: "submitReport", id: client.id(), report: newId(), heads: newId(), words: newId() }),
  };
}

const codes: Readonly<Record<number, WireFailureCode>> = { 47: "muted", 48: "suspended", 49: "restricted" };
const codeOf = (wire: number) => codes[wire] ?? `failure ${wire}`;

async function outcomes(relay: TestRelay, who: { readonly client: Client; readonly device: TestDevice }) {
  const seen: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(await attempts(relay, who))) seen[name] = await attempt();
  return seen;
}

const FREE = {
  firstContact: "accepted",
  contact: "accepted",
  typing: "accepted",
  ownDevices: "accepted",
  resolve: "resolved",
  bundles: "bundles",
  certificate: "certificate",
  upload: "uploadGranted",
  devices: "deviceList",
  realm: "realm",
  report: "done",
};

describe("a sanction", () => {
  const effects: readonly [SanctionKind, Partial<typeof FREE>][] = [
    ["warn", {}],
    ["noNewConversations", { firstContact: "restricted", resolve: "restricted" }],
    ["mute", { firstContact: "muted", certificate: "muted", upload: "muted" }],
    [
      "suspend",
      {
        ...{ firstContact: "suspended", contact: "suspended", typing: "suspended", resolve: "suspended" },
        ...{ bundles: "suspended", certificate: "suspended", upload: "suspended" },
      },
    ],
  ];
  it.each(effects)("of kind %s refuses what it is for, and nothing else", async (kind, refused) => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    expect(await outcomes(relay, alice)).toEqual(FREE);
    await enforce({ account: alice.account, kind });
    expect(await outcomes(relay, alice)).toEqual({ ...FREE, ...refused });
    expect(await outcomes(relay, bob)).toEqual(FREE);
  });

  it("refuses also what came before the sanction and waited for its turn", async () => {
    const store = memoryStore({ clock: new ManualClock() });
    await store.open();
    let held = Promise.resolve();
    const directory: Store["directory"] = {
      ...store.directory,
      account: (account) => held.then(() => store.directory.account(account)),
    };
    const { relay, enforce } = await community({ store: { ...store, directory } });
    const { client, device } = await relay.person("alice");
    const other = await relay.person("bob");
    let release = () => {};
    held = new Promise((resolve) => {
      release = resolve;
    });
    const sends = [1, 2].map(() => sendFrame(client, [sealedTo(other.device)]));
    for (const frame of sends) client.say(frame);
    await enforce({ account: device.known.account, kind: "suspend" });
    release();
    for (const { id } of sends) await client.failure(id, "suspended");
  });

  it("lets who is suspended receive, acknowledge, ask the desk and be told", async () => {
    const { relay, enforce, desk } = await community();
    const alice = await relay.person("alice");
    await enforce({ account: alice.account, kind: "suspend" });
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
    const { cursor } = await alice.client.next("deliver");
    alice.client.say({ type: "acknowledge", upTo: cursor, also: [] });
    alice.client.say({ type: "askDesk", id: 1, body: newId() });
    const { ask } = await desk.next("deskAsked");
    desk.say({ type: "deskAnswered", ask, body: newId() });
    await alice.client.next("deskAnswer");
    desk.say({ type: "notify", id: desk.id(), account: alice.account });
    await alice.client.next("deskNews");
    expect(relay.counts.get("envelopesAcknowledged")).toBe(1);
  });

  it("ends by its time, and says until then how long that is", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    await enforce({ account: alice.account, kind: "mute", untilMs: relay.clock.now() + 60_000 });
    relay.clock.advance(20_000);
    alice.client.say({ type: "fetchCertificate", id: 1 });
    expect(await alice.client.failure(1, "muted")).toMatchObject({ retryAfterMs: 40_000 });
    relay.clock.advance(40_000);
    alice.client.say({ type: "fetchCertificate", id: 2 });
    await alice.client.next("certificate");
  });

  it("without an end says nothing of one, whatever else is timed", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    await enforce({ account: alice.account, kind: "mute", untilMs: relay.clock.now() + HOUR });
    await enforce({ account: alice.account, kind: "mute" });
    alice.client.say({ type: "fetchCertificate", id: 1 });
    expect((await alice.client.failure(1, "muted")).retryAfterMs).toBeUndefined();
  });

  it("is ended by the lift that names it, and no other is", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    const [mute, suspend] = [newId(), newId()];
    await enforce({ account: alice.account, kind: "mute", id: mute });
    await enforce({ account: alice.account, kind: "suspend", id: suspend });
    await enforce({ account: alice.account, kind: "lift", lifts: suspend });
    alice.client.say({ type: "fetchCertificate", id: 1 });
    await alice.client.failure(1, "muted");
    await enforce({ account: alice.account, kind: "lift", lifts: mute });
    expect(await outcomes(relay, alice)).toEqual(FREE);
  });

  it("counts once under its id: said again after it was lifted, or lifted before it came, it is not in force", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    const [one, other] = [newId(), newId()];
    await enforce({ account: alice.account, kind: "suspend", id: one });
    await enforce({ account: alice.account, kind: "lift", lifts: one });
    await enforce({ account: alice.account, kind: "suspend", id: one });
    await enforce({ account: alice.account, kind: "lift", lifts: other });
    await enforce({ account: alice.account, kind: "suspend", id: other });
    expect(await outcomes(relay, alice)).toEqual(FREE);
  });

  it("outlives the relay, and holds from the first request of a new connection on", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const first = await community({ clock, store });
    const alice = await first.relay.person("alice");
    await first.enforce({ account: alice.account, kind: "suspend" });
    await first.relay.relay.close();
    const second: Community = await community({ clock, store }, first.realm);
    const client = await second.relay.connected(alice.device);
    client.say({ type: "fetchCertificate", id: 1 });
    await client.next("queueEmpty");
    await client.failure(1, "suspended");
    await second.relay.relay.sweep({ aborted: false });
    client.say({ type: "fetchCertificate", id: 2 });
    await client.failure(2, "suspended");
  });

  it("outlives a reset of the account", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    await enforce({ account: alice.account, kind: "suspend" });
    const again = new TestDevice(alice.person);
    const { client, account } = await relay.registered(again, "reset");
    expect(account).toBe(alice.account);
    client.say({ type: "fetchCertificate", id: 1 });
    await client.failure(1, "suspended");
  });

  it("must be signed by who the held manifest names, in this realm", async () => {
    const { relay, realm, desk } = await community();
    const alice = await relay.person("alice");
    const sanction = { account: alice.account, kind: "suspend" } as const;
    const other = new TestRealm();
    const forged = [
      realm.sanction(sanction, newSigner().sign),
      realm.sanction(sanction, realm.root.sign),
      other.sanction(sanction, realm.signer.sign),
      realm.sanction(sanction).map((byte, index, { length }) => (index === length - 1 ? byte ^ 1 : byte)),
      newId(),
    ];
    for (const bytes of forged) {
      const id = desk.id();
      desk.say({ type: "enforce", id, sanction: bytes });
      await desk.failure(id, "badSignature");
    }
    expect(await outcomes(relay, alice)).toEqual(FREE);
  });
});

describe("a device that the desk removes", () => {
  it("is out at once, with its mail, while the others stay, hear of it and keep the delivery key", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    const { client: other } = await relay.registered(second, "add");
    await alice.client.next("devicesChanged");
    await enforce({ account: alice.account, kind: "revokeDevice", device: second.known.device });
    await other.closed("revoked");
    expect((await alice.client.next("devicesChanged")).devices).toHaveLength(1);
    const { client, challenge } = await relay.challenged();
    client.say(second.authentication(challenge));
    await client.next("refused");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
    await alice.client.next("deliver");
  });

  it("may be named twice, under one id and under another", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    const { device } = alice.device.known;
    const id = newId();
    for (const one of [id, id, newId()]) {
      await enforce({ account: alice.account, kind: "revokeDevice", device, id: one });
    }
    await alice.client.closed("revoked");
    expect(relay.bugs).toEqual([]);
  });

  it("that came later under the same number is not meant by the same word", async () => {
    const { relay, enforce } = await community();
    const alice = await relay.person("alice");
    const { device } = alice.device.known;
    const id = newId();
    await enforce({ account: alice.account, kind: "revokeDevice", device, id });
    const loaded = await relay.store.directory.account(alice.account);
    expect(loaded).toBeDefined();
    const again = new TestDevice(alice.person);
    const { client } = await relay.registered(again, "add");
    await enforce({ account: alice.account, kind: "revokeDevice", device: again.known.device, id });
    expect(await client.rest()).toEqual([]);
    expect(client.closedWith).toBeUndefined();
  });
});
