/**
 * What a device that was removed, and a relay that lies about devices, can still do to an account: nothing is taken from
 * a device that is not on the list, nothing is told to one that does not hold the identity, and no lie outlasts its relay.
 */

import { randomInt } from "node:crypto";
import { join } from "node:path";
import { IdentityKeyPair, PrivateKey, PublicKey } from "@signalapp/libsignal-client";
import {
  type DeviceId,
  decodeFrame,
  deriveDeliveryKey,
  encodeContent,
  encodeFrame,
  encodeOwnBody,
  encodePayload,
  encodeRegisters,
  encodeRegisterValue,
  type Frame,
  type Payload,
} from "@sotto/protocol";
import { type Client, createClient, levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../sdk/core/account/own-account.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { loadKeys } from "../../../server/keys/key-folder.js";
import { createSignatures } from "../../../server/keys/signatures.js";
import { eventually } from "../../support/devices-of.js";
import { heldHeapBytes } from "../../support/held-memory.js";
import { passOn, type Rewrite, type RunningProxy, startProxy } from "../../support/hostile-relay/index.js";
import { Linker } from "../../support/linking.js";
import { contentOf, type PeerDevice, RawDevice, SignalSide } from "../../support/raw-client/index.js";
import { befriend, type Pair, textsOf, World } from "../../support/world.js";
import { introduce } from "./attack.js";

const DAY_MS = 86_400_000;

/** A device in a thief's hands: the account's identity, and a certificate of when it was no thief's. */
class StolenDevice {
  private constructor(
    readonly account: PeerDevice["account"],
    readonly device: DeviceId,
    private readonly signal: SignalSide,
    private readonly certificate: Uint8Array,
  ) {}

  /** Takes the closed store of a linked device apart. */
  static async of(world: World, linker: Linker, name: string): Promise<StolenDevice> {
    const store = await SealedStore.open(linker.storeOf(name), nodePlatform);
    const account = await OwnAccount.load(store);
    const keys = await loadKeys(join(world.folder, "relay"));
    if (account === undefined || keys === undefined) throw new Error("nothing to steal");
    const { identityPublic, identityPrivate } = account.current;
    const identity = new IdentityKeyPair(
      PublicKey.deserialize(Uint8Array.from(identityPublic)),
      PrivateKey.deserialize(Uint8Array.from(identityPrivate)),
    );
    const { id, device } = account;
    await store.close();
    const certificate = createSignatures(keys).issueCertificate({
      ...{ account: id, device, role: "person", identityKey: identityPublic },
      expiresMs: Date.now() + DAY_MS,
    });
    return new StolenDevice(id, device, new SignalSide(randomInt(1, 0x4000), identity), certificate);
  }

  /** Starts a session with the first device of an account, by bundles that somebody fetched. */
  meet(bundles: Frame<"bundles">): Promise<void> {
    return this.signal.startSession(this, bundles, 0);
  }

  seal(peer: PeerDevice, payload: Payload): Promise<Uint8Array> {
    return this.signal.encrypt(this, peer, encodePayload(payload), { certificate: this.certificate });
  }

  /** What a device tells its siblings of a text it sent. */
  sent(to: PeerDevice["account"], text: string): Payload {
    const content = encodeContent(contentOf(this, to, { kind: "text", text }));
    return { type: "sent", peer: to, atMs: Date.now(), content };
  }
}

let world: World;
let linker: Linker;
beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

async function rejectedBy(client: Client): Promise<number> {
  return (await client.debugBundle()).counts.rejected ?? 0;
}

async function talk({ toBob, toAlice }: Pick<Pair, "toBob" | "toAlice">): Promise<void> {
  await toBob.send({ text: "still there?" }).delivered;
  await toAlice.send({ text: "still here" }).delivered;
}

describe("a device that was removed", () => {
  it("is believed nothing by its former siblings, though a contact lends it a way in", async () => {
    const pair = await world.pair();
    const { alice, bob, toBob } = pair;
    const accomplice = await RawDevice.register(world.url, "mallory");
    const { device } = await introduce(accomplice, alice);
    const laptop = await linker.link(alice, "laptop");
    const { deviceId } = laptop;
    await laptop.close();
    const thief = await StolenDevice.of(world, linker, "laptop");
    const bundles = await accomplice.socket.ask({
      type: "fetchBundles",
      account: alice.accountId,
      devices: [1 as DeviceId],
    });
    if (bundles.type !== "bundles") throw new Error("no bundles");
    await thief.meet(bundles);

    await alice.devices.revoke(deviceId);
    let handed = await accomplice.receive();
    while (handed.type !== "contact") handed = await accomplice.receive();
    const deliveryKey = deriveDeliveryKey(handed.profileKey);
    const contact = {
      account: bob.accountId,
      version: 99,
      relation: "blocked",
      role: "person",
      verification: "unverified",
    } as const;
    const lies: readonly Payload[] = [
      thief.sent(bob.accountId, "planted"),
      { type: "state", body: encodeOwnBody("state", { contacts: [contact], last: "yes" }) },
      {
        type: "registers",
        body: encodeRegisters([
          {
            ...{ kind: "draft", key: toBob.id, atMs: Date.now(), device: deviceId },
            value: encodeRegisterValue("draft", { text: "planted" }),
          },
        ]),
      },
      { type: "missed", atMs: 0 },
      { type: "archived", body: encodeOwnBody("archived", { transfer: new Uint8Array(16), part: 1 }) },
    ];
    const before = await rejectedBy(alice);
    for (const lie of lies) {
      const answer = await accomplice.deliver(device, await thief.seal(device, lie), { deliveryKey });
      expect(answer).toMatchObject({ type: "accepted" });
    }
    await eventually(
      () => rejectedBy(alice),
      (count) => count === before + lies.length,
    );
    expect(textsOf(await toBob.latest(10))).toEqual([]);
    expect(await toBob.draft()).toBeUndefined();
    expect(await toBob.peer()).toMatchObject({ relation: "accepted" });
    await talk(pair);
    await accomplice.close();
  });
});

/** Changes what a relay says of an account's devices. */
function lying(change: (frame: Frame<"welcome"> | Frame<"devicesChanged">) => readonly Uint8Array[]): Rewrite {
  return ({ direction, bytes }) => {
    if (direction === "toRelay") return [bytes];
    const frame = decodeFrame(bytes, "toClient");
    const isDevices = frame.type === "devicesChanged" || (frame.type === "welcome" && frame.account !== undefined);
    return isDevices ? change(frame) : [bytes];
  };
}

describe("a relay that lies about devices", () => {
  const ghost = { device: 9 as DeviceId, registrationId: 99, addedMs: 0 };
  let proxy: RunningProxy;
  let alice: Client;
  let pair: Pair;
  beforeEach(async () => {
    proxy = await startProxy({ upstream: world.url });
    alice = linker.keep(await open());
    const bob = await world.client("bob");
    pair = { alice, bob, ...(await befriend(alice, bob)) };
  });
  afterEach(() => proxy.close());

  function open(): Promise<Client> {
    const store = levelStore(join(world.folder, "clients", "alice"));
    return createClient({ relay: proxy.url, relayRoot: world.running.rootFingerprint, userId: "alice", store });
  }

  /** Behaves so at the next connection. */
  async function become(rewrite: Rewrite): Promise<void> {
    const again = eventually(
      async () => alice.state,
      (state) => state !== "ready",
    );
    proxy.become(rewrite);
    proxy.cutAll();
    await again;
    await eventually(
      async () => alice.state,
      (state) => state === "ready",
    );
  }

  it("gets no word for a device it invents, whatever keys it names for it", async () => {
    const mallory = await RawDevice.register(world.url, "mallory");
    const eve = await RawDevice.register(world.url, "eve");
    const found = await eve.socket.ask({ type: "fetchBundles", account: mallory.account, devices: [] });
    if (found.type !== "bundles") throw new Error("no bundles");
    const told: unknown[] = [];
    let asked = 0;
    const withGhost = lying((frame) => [encodeFrame({ ...frame, devices: [...frame.devices, ghost] })]);
    await become((passing) => {
      const { direction, bytes } = passing;
      if (direction === "toClient") {
        const frame = decodeFrame(bytes, "toClient");
        if (frame.type !== "bundles" || frame.account !== alice.accountId) return withGhost(passing);
        asked += 1;
        // The keys of another account, said to be this one's, or under this one's identity.
        const identityKey = asked % 2 === 0 ? frame.identityKey : found.identityKey;
        const devices = found.devices.map((bundle) => ({ ...bundle, device: ghost.device }));
        return [encodeFrame({ ...frame, identityKey, devices })];
      }
      const frame = decodeFrame(bytes, "toRelay");
      if (frame.type === "send") {
        told.push(...frame.recipients.filter(({ account }) => account === alice.accountId));
      }
      return [bytes];
    });
    await talk(pair);
    await eventually(
      async () => asked,
      (times) => times >= 2,
    );
    expect(told).toEqual([]);

    await become(passOn);
    const laptop = await linker.link(alice, "laptop");
    await talk(pair);
    const toBob = await laptop.openDM({ accountId: pair.bob.accountId });
    await eventually(
      async () => textsOf(await toBob.latest(10)),
      (texts) => texts.includes("still there?"),
    );
    await mallory.close();
    await eve.close();
  });

  it("cannot make it hold on to every list it tells, or stop it from talking", async () => {
    const before = heldHeapBytes();
    await become(
      lying((frame) => {
        const lists = Array.from({ length: 150 }, (_, turn) => {
          const devices = turn % 2 === 0 ? frame.devices : [...frame.devices, { ...ghost, registrationId: 1 + turn }];
          return encodeFrame({ type: "devicesChanged", devices });
        });
        return [encodeFrame(frame), ...lists];
      }),
    );
    await talk(pair);
    expect(heldHeapBytes() - before).toBeLessThan(64 * 1_048_576);
    await become(passOn);
    await talk(pair);
  });

  it("cannot use up the ids of a device's keys by claiming to have seen the last of them", async () => {
    const claims = { highestPrekeyId: 0xff_ffff, oneTimeCount: 0, kyberCount: 0 };
    await become(lying((frame) => [encodeFrame(frame.type === "welcome" ? { ...frame, ...claims } : frame)]));
    await talk(pair);
    await become(passOn);
    await talk(pair);
    await alice.close();
    alice = linker.keep(await open());
    await befriend(await world.client("carol"), alice);
  });
});
