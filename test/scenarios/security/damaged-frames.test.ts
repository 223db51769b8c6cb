/**
 * Thousands of damaged frames at a real relay, in every stage of a connection and on both socket servers: each ends with
 * the right code, nothing is stored or told, others notice nothing, and the relay stays up.
 */

import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type AccountId,
  accountIdFromBytes,
  closeCodes,
  type DeviceId,
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameToClient,
  type FrameToRelay,
  failures,
  limits,
} from "@sotto/protocol";
import { ClassicLevel } from "classic-level";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadUws } from "../../../server/transport/load-uws.js";
import { setToNoon } from "../../support/franking/noon.js";
import { FrameSocket, newMessageId, RawDevice, registration } from "../../support/raw-client/index.js";
import { type Pair, World } from "../../support/world.js";

const MUTANTS_PER_STAGE = 400;
/** Connections that attack at the same time. */
const LANES = 8;

const lookup = loadUws();
const transports = [
  { name: "uws" as const, absent: lookup.kind === "absent" ? lookup.reason : undefined },
  { name: "portable" as const, absent: undefined },
];

/** Bytes near a valid frame that are no frame: bits flipped, ends cut or added, parts repeated, whole values replaced. */
function mutantsOf(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const one = fc.constantFrom(...valid);
  const flipped = fc.tuple(one, fc.array(fc.nat(), { minLength: 1, maxLength: 4 })).map(([bytes, bits]) => {
    const copy = Uint8Array.from(bytes);
    for (const bit of bits) {
      const at = (bit >> 3) % copy.length;
      copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
    }
    return copy;
  });
  const cut = fc.tuple(one, fc.nat()).map(([bytes, at]) => bytes.slice(0, at % bytes.length));
  const longer = fc
    .tuple(one, fc.uint8Array({ minLength: 1, maxLength: 9 }))
    .map(([bytes, tail]) => concat(bytes, tail));
  const grown = fc.tuple(one, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 })).map(([bytes, at, insert]) => {
    const place = at % bytes.length;
    return concat(bytes.subarray(0, place), insert, bytes.subarray(place));
  });
  const spliced = fc
    .tuple(one, one, fc.nat(), fc.nat())
    .map(([first, second, at, to]) =>
      concat(first.subarray(0, at % first.length), second.subarray(to % second.length)),
    );
  const noise = fc.uint8Array({ minLength: 1, maxLength: 300 });
  const claims = fc.constantFrom(0xdd, 0xc6, 0xdb, 0xdf).map((kind) => Uint8Array.of(kind, 0xff, 0xff, 0xff, 0xff));
  return fc.oneof(flipped, flipped, cut, longer, grown, spliced, noise, claims).filter((bytes) => !isFrame(bytes));
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function isFrame(bytes: Uint8Array): boolean {
  try {
    decodeFrame(bytes, "toRelay");
    return true;
  } catch {
    return false;
  }
}

/**
 * A digest over every row of a stopped relay's store but the desk's, which signs its feed anew whenever it starts, and the counter
 * of revisions, which rises with that.
 */
async function rowsOf(world: World): Promise<string> {
  const store = new ClassicLevel<Buffer, Buffer>(join(world.folder, "relay", "store"), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    createIfMissing: false,
  });
  await store.open();
  const hash = createHash("sha256");
  let rows = 0;
  for await (const [key, value] of store.iterator()) {
    const name = key.toString("latin1");
    if (name === "\u0001" || name.endsWith("realm\u0000document")) continue;
    hash.update(`${key.length} ${value.length} `).update(key).update(value);
    rows += 1;
  }
  await store.close();
  return `${rows} rows ${hash.digest("hex")}`;
}

describe.each(transports)("a relay on $name", { timeout: 120_000 }, ({ name, absent }) => {
  let world: World;
  let pair: Pair;
  let attackers: readonly RawDevice[];
  const disturbances: string[] = [];
  const heard = new Set<string>();
  let setBack = () => {};

  beforeAll(async () => {
    if (absent !== undefined) return;
    // With a day rows change by themselves.
    setBack = setToNoon();
    world = await World.open({ transport: name });
    pair = await world.pair();
    await pair.toBob.send({ text: "before" }).delivered;
    await pair.toAlice.send({ text: "before" }).delivered;
    attackers = await Promise.all(
      Array.from({ length: LANES }, (_, at) => RawDevice.register(world.url, `mallory${at}`)),
    );
    await Promise.all(attackers.map((one) => one.close()));
  });
  afterAll(async () => {
    await world?.close();
    setBack();
  });

  /** Every kind of frame a client may send, valid but for what no stranger can know. */
  function corpus(own: RawDevice): readonly Uint8Array[] {
    const stranger = accountIdFromBytes(randomBytes(16));
    const key = own.signal.published.signedPrekey;
    const kyber = own.signal.published.lastResortPrekey;
    const body = new Uint8Array(randomBytes(400));
    const envelopes = [{ device: pair.bob.deviceId, registrationId: 1, body }];
    const bob = { account: pair.bob.accountId, scope: "all", envelopes } as const;
    const commitment = new Uint8Array(randomBytes(32));
    const base = { storage: "stored", commitment, urgency: "normal", purpose: "message", wantBundles: "no" } as const;
    const framesToSend: readonly FrameToRelay[] = [
      { type: "ping", id: 1 },
      { type: "resolve", id: 2, userId: "bob" },
      {
        type: "fetchBundles",
        id: 3,
        account: pair.bob.accountId,
        devices: [1 as DeviceId],
        deliveryKey: new Uint8Array(16),
      },
      {
        type: "publishKeys",
        id: 4,
        oneTime: "add",
        signedPrekey: key,
        lastResortPrekey: kyber,
        oneTimePrekeys: [],
        kyberPrekeys: [],
      },
      { type: "fetchCertificate", id: 5 },
      { type: "setAccess", id: 6, deliveryKeyHash: new Uint8Array(32), firstContact: "nobody", blocked: [stranger] },
      { type: "send", id: 7, messageId: newMessageId(), ...base, recipients: [bob] },
      {
        type: "send",
        id: 8,
        messageId: newMessageId(),
        ...base,
        recipients: [{ ...bob, deliveryKey: new Uint8Array(16) }],
      },
      { type: "acknowledge", upTo: 1, also: [2, 3] },
    ];
    return framesToSend.map(encodeFrame);
  }

  function greetings(): readonly Uint8Array[] {
    const challenge: Frame<"challenge"> = {
      type: "challenge",
      version: 1,
      nonce: new Uint8Array(32),
      root: Uint8Array.of(5, ...new Uint8Array(32)),
      serverTimeMs: 1,
      development: "on",
    };
    return [
      encodeFrame({ type: "anonymous", version: 1 }),
      encodeFrame(registration(challenge, "mallory").frame),
      ...attackers.map((one) => encodeFrame(one.proof(challenge))),
    ];
  }

  /** Sends one mutant on a connection of its own and answers the code the relay closed it with. */
  async function fateOf(socket: FrameSocket, mutant: Uint8Array): Promise<number> {
    socket.sendBytes(mutant);
    const code = await socket.closed;
    for (const frame of socket.unread) heard.add(frame.type);
    return code;
  }

  /** Runs mutants in lanes, each lane with a device of its own. */
  async function attack(
    mutants: readonly Uint8Array[],
    connect: (attacker: RawDevice) => Promise<FrameSocket>,
  ): Promise<ReadonlyMap<number, number>> {
    const fates = new Map<number, number>();
    let next = 0;
    const lane = async (attacker: RawDevice) => {
      for (let at = next++; at < mutants.length; at = next++) {
        const code = await fateOf(await connect(attacker), mutants[at] as Uint8Array);
        fates.set(code, (fates.get(code) ?? 0) + 1);
      }
    };
    await Promise.all(attackers.map(lane));
    return fates;
  }

  it(`ends ${3 * MUTANTS_PER_STAGE} connections whose frame is none, and nothing else happens`, async ({ skip }) => {
    if (absent !== undefined) {
      console.log(`skipped on ${name}: ${absent}`);
      skip(absent);
    }
    await world.stopRelay();
    const before = await rowsOf(world);
    await world.startRelay();
    await Promise.all([ready(pair.alice), ready(pair.bob)]);
    for (const client of [pair.alice, pair.bob]) {
      client.addEventListener("state", ({ state }) => disturbances.push(state));
    }

    const [own] = attackers;
    if (own === undefined) throw new Error("nobody attacks");
    const later = mutantsOf(corpus(own));
    const stages: readonly [string, readonly Uint8Array[], (attacker: RawDevice) => Promise<FrameSocket>][] = [
      ["greeting", fc.sample(mutantsOf(greetings()), MUTANTS_PER_STAGE), () => greeting()],
      ["device", fc.sample(later, MUTANTS_PER_STAGE), (attacker) => attacker.connect()],
      ["anonymous", fc.sample(later, MUTANTS_PER_STAGE), () => FrameSocket.anonymous(world.url)],
    ];
    for (const [stage, mutants, connect] of stages) {
      const fates = await attack(mutants, connect);
      expect({ stage, fates }).toEqual({ stage, fates: new Map([[closeCodes.badFrame, MUTANTS_PER_STAGE]]) });
    }
    // A greeting is told that it failed; later connections are told nothing but that their mailbox is empty.
    expect([...heard].sort()).toEqual(["queueEmpty", "refused"]);
    expect(disturbances).toEqual([]);
    expect((await fetch(`${world.url}/health`)).status).toBe(200);

    await world.stopRelay();
    expect(await rowsOf(world)).toBe(before);
    await world.startRelay();
    await pair.toBob.send({ text: "after" }).delivered;
    await pair.toAlice.send({ text: "after" }).delivered;
    // The comparison can fail: what two people say does change the rows.
    await world.stopRelay();
    expect(await rowsOf(world)).not.toBe(before);
    await world.startRelay();
    await Promise.all([ready(pair.alice), ready(pair.bob)]);
  });

  async function greeting(): Promise<FrameSocket> {
    const socket = await FrameSocket.open(world.url);
    await socket.until("challenge");
    return socket;
  }

  it("refuses what is a frame but not its sender's to send, with the code that says why", async ({ skip }) => {
    if (absent !== undefined) skip(absent);
    const [mallory] = attackers;
    if (mallory === undefined) throw new Error("nobody attacks");
    const socket = await mallory.connect();
    const stranger = accountIdFromBytes(randomBytes(16));
    const body = new Uint8Array(randomBytes(100));
    const to = (account: AccountId, deliveryKey?: Uint8Array, device = 1) => ({
      account,
      deliveryKey,
      scope: "all" as const,
      envelopes: [{ device: device as DeviceId, registrationId: 1, body }],
    });
    const commitment = new Uint8Array(randomBytes(32));
    const base = { storage: "stored", commitment, urgency: "normal", purpose: "message", wantBundles: "no" } as const;
    const send = (...recipients: Frame<"send">["recipients"]) =>
      ({ type: "send", messageId: newMessageId(), ...base, recipients }) as const;
    const wrongKey = new Uint8Array(16);
    const { alice, bob } = pair;
    const signed = { ...mallory.signal.published.signedPrekey, signature: new Uint8Array(64) };

    const asked: readonly [Parameters<FrameSocket["ask"]>[0], keyof typeof failures][] = [
      [send(to(stranger)), "notAllowed"],
      [send(to(bob.accountId, wrongKey)), "notAllowed"],
      [send(to(bob.accountId), to(stranger)), "notAllowed"],
      [send(to(bob.accountId), to(bob.accountId)), "badFrame"],
      [{ type: "fetchBundles", account: stranger, devices: [] }, "notAllowed"],
      [{ type: "fetchBundles", account: alice.accountId, devices: [], deliveryKey: wrongKey }, "notAllowed"],
      [{ type: "resolve", userId: "nobody" }, "unknownUser"],
      [
        { type: "publishKeys", oneTime: "add", signedPrekey: signed, oneTimePrekeys: [], kyberPrekeys: [] },
        "badSignature",
      ],
    ];
    for (const [request, code] of asked) {
      expect(await socket.ask(request)).toMatchObject({ type: "failed", failure: failures[code].wire });
    }
    expect(await socket.ask(send(to(bob.accountId, undefined, 2)))).toMatchObject({ type: "deviceMismatch" });

    const challenge = await (async () => {
      const other = await FrameSocket.open(world.url);
      const seen = await other.until("challenge");
      await other.close();
      return seen;
    })();
    const greeted: readonly [FrameToRelay, keyof typeof failures, number][] = [
      [mallory.proof(challenge), "badCredentials", closeCodes.unauthenticated],
      [{ ...mallory.proof(challenge), account: stranger }, "badCredentials", closeCodes.unauthenticated],
      [registration(challenge, "carol").frame, "badSignature", closeCodes.unauthenticated],
      [{ type: "anonymous", version: 2 }, "unsupportedVersion", closeCodes.unauthenticated],
      [{ type: "ping", id: 1 }, "badFrame", closeCodes.badFrame],
    ];
    for (const [frame, code, close] of greeted) {
      const other = await greeting();
      other.send(frame);
      expect(await other.until("refused")).toMatchObject({ failure: failures[code].wire, devices: [] });
      expect(await other.closed).toBe(close);
    }

    const ended: readonly [() => Promise<FrameSocket>, FrameToRelay | FrameToClient | string | number, number][] = [
      [() => mallory.connect(), { type: "acknowledge", upTo: 9, also: [] }, closeCodes.badFrame],
      [() => mallory.connect(), mallory.proof(challenge), closeCodes.badFrame],
      [() => mallory.connect(), { type: "queueEmpty" }, closeCodes.badFrame],
      [() => FrameSocket.anonymous(world.url), { type: "fetchCertificate", id: 1 }, closeCodes.badFrame],
      [() => FrameSocket.anonymous(world.url), { type: "resolve", id: 1, userId: "bob" }, closeCodes.badFrame],
      [() => mallory.connect(), "text", 1003],
      [() => mallory.connect(), limits.frameBytes.value + 1, 1009],
    ];
    for (const [connect, message, code] of ended) {
      const other = await connect();
      if (typeof message === "string") other.socket.send(message);
      else other.sendBytes(typeof message === "number" ? new Uint8Array(message) : encodeFrame(message));
      expect(await other.closed).toBe(code);
    }
    expect((await fetch(`${world.url}/health`)).status).toBe(200);
    await pair.toBob.send({ text: "and on" }).delivered;
  });
});

/** Resolves when a client is connected. */
async function ready(client: Pair["alice"]): Promise<void> {
  if (client.state === "ready") return;
  await new Promise<void>((resolve) => {
    client.addEventListener("state", ({ state }) => state === "ready" && resolve());
  });
}
