/** A relay on a memory store, and people who use it. */

import { randomBytes } from "node:crypto";
import type { AccountId, DeviceId, Frame } from "@sotto/protocol";
import { PROTOCOL_VERSION } from "@sotto/protocol";
import { memoryBlobs } from "../../../../server/blobs/index.js";
import { certify, newKeyPair } from "../../../../server/keys/certificates.js";
import { createSignatures } from "../../../../server/keys/signatures.js";
import type { Blobs, Bus, HostGrants, HostTokens, RelayPolicy, Signatures, Store } from "../../../../server/ports.js";
import { createRelay, type Relay } from "../../../../server/relay/index.js";
import { localBus, memoryStore } from "../../../../server/store/index.js";
import { Client } from "./client.js";
import { Person, TestDevice } from "./device.js";
import { ManualClock } from "./manual-clock.js";

/** Settings with which no limiter interferes by accident. */
export const POLICY: RelayPolicy = {
  registration: "open",
  deviceLimit: 6,
  mailboxQuota: { envelopes: 1_000, bytes: 16_777_216 },
  envelopeTtlMs: 30 * 86_400_000,
  certificateTtlMs: 86_400_000,
  keysLowAt: 10,
  refusalDelayMs: 250,
  limiterScale: 1,
  firstContactFloor: "everyone",
  grantBases: [],
  groupAccounts: 250,
  groupRecipients: 2_000,
  groupLog: { entries: 10_000, bytes: 16_777_216 },
  groupTtlMs: 365 * 86_400_000,
  attachmentBytes: 2_147_483_648,
  attachmentQuotaBytes: 10_737_418_240,
  attachmentTtlMs: 30 * 86_400_000,
  uploadTtlMs: 86_400_000,
  reports: { count: 1_000, bytes: 268_435_456 },
};

const root = newKeyPair();
const certificate = newKeyPair();
/** Made once: keys cost time. */
export const signatures: Signatures = createSignatures({
  root: root.publicKey,
  serverCertificate: certify(root.privateKey, certificate.publicKey),
  certificateKey: certificate.privateKey,
  secret: randomBytes(32),
});

/** What a test may choose. */
export interface TestRelayOptions {
  readonly policy?: Partial<RelayPolicy>;
  readonly hostTokens?: HostTokens;
  readonly grants?: HostGrants;
  readonly clock?: ManualClock;
  readonly store?: Store;
  /** Open. */
  readonly blobs?: Blobs;
  readonly bus?: Bus;
  readonly signatures?: Signatures;
}

/** A relay and its parts. */
export class TestRelay {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly bus: Bus;
  readonly relay: Relay;
  readonly counts = new Map<string, number>();
  readonly gauges = new Map<string, number>();
  /** What was logged as our bug. */
  readonly bugs: unknown[] = [];
  readonly warnings: string[] = [];

  private constructor(options: TestRelayOptions) {
    this.clock = options.clock ?? new ManualClock();
    this.store = options.store ?? memoryStore({ clock: this.clock });
    this.blobs = options.blobs ?? memoryBlobs({ maxBytes: 1_073_741_824 });
    this.bus = options.bus ?? localBus();
    this.relay = createRelay({
      store: this.store,
      blobs: this.blobs,
      bus: this.bus,
      clock: this.clock,
      eventLoop: { afterEvents: (work) => void setImmediate(work) },
      random: { bytes: (size) => randomBytes(size) },
      signatures: options.signatures ?? signatures,
      hostTokens: options.hostTokens,
      grants: options.grants,
      policy: { ...POLICY, ...options.policy },
      log: {
        info: () => {},
        warn: (event) => this.warnings.push(event),
        error: (event, cause) => this.bugs.push([event, cause]),
      },
      metrics: {
        count: (name, label, by = 1) => add(this.counts, label === undefined ? name : `${name} ${label}`, by),
        gauge: (name, by) => add(this.gauges, name, by),
        observe: (name) => add(this.counts, name, 1),
      },
    });
  }

  /** Starts a relay on an open store. */
  static async start(options: TestRelayOptions = {}): Promise<TestRelay> {
    const started = new TestRelay(options);
    if (options.store === undefined) await started.store.open();
    if (options.blobs === undefined) await started.blobs.open();
    return started;
  }

  /** A connection that got its challenge. */
  async challenged(address?: string): Promise<{ readonly client: Client; readonly challenge: Frame<"challenge"> }> {
    const client = new Client(this.relay, address);
    return { client, challenge: await client.next("challenge") };
  }

  /** An anonymous connection. */
  async anonymous(address?: string): Promise<Client> {
    const { client } = await this.challenged(address);
    client.say({ type: "anonymous", version: PROTOCOL_VERSION });
    await client.next("welcome");
    return client;
  }

  /** Registers a device; its connection has seen `welcome` and `queueEmpty`. */
  async registered(
    device: TestDevice,
    mode: Frame<"register">["mode"] = "first",
    changes: Partial<Frame<"register">> = {},
  ): Promise<{ readonly client: Client; readonly account: AccountId; readonly device: DeviceId }> {
    const { client, challenge } = await this.challenged();
    client.say(device.registration(challenge, { mode, ...changes }));
    const welcome = await client.next("welcome");
    device.account = welcome.account;
    device.device = welcome.device;
    await client.next("queueEmpty");
    return { client, ...device.known };
  }

  /** A new person with one registered device. */
  async person(userId: string) {
    const device = new TestDevice(new Person(userId));
    const { client, account } = await this.registered(device);
    return { client, device, account, person: device.person };
  }

  /** A new connection of a registered device, which has seen `welcome`. */
  async connected(device: TestDevice): Promise<Client> {
    return (await this.greeted(device)).client;
  }

  /** A new connection of a registered device, and its `welcome`. */
  async greeted(
    device: TestDevice,
    resume?: Uint8Array,
  ): Promise<{ readonly client: Client; readonly welcome: Frame<"welcome"> }> {
    const { client, challenge } = await this.challenged();
    client.say({ ...device.authentication(challenge), resume });
    return { client, welcome: await client.next("welcome") };
  }
}

function add(values: Map<string, number>, name: string, by: number): void {
  values.set(name, (values.get(name) ?? 0) + by);
}

type Addressed = Frame<"send">["recipients"][number];

/** One recipient of a send; all of its devices unless said otherwise. */
export type TestRecipient = Omit<Addressed, "scope"> & Partial<Pick<Addressed, "scope">>;

/** A send with sensible defaults. */
export function sendFrame(
  client: Client,
  recipients: readonly TestRecipient[],
  changes: Partial<Frame<"send">> = {},
): Frame<"send"> {
  return {
    type: "send",
    id: client.id(),
    messageId: new Uint8Array(randomBytes(16)),
    storage: "stored",
    commitment: changes.storage === "ephemeral" ? undefined : new Uint8Array(randomBytes(32)),
    urgency: "normal",
    purpose: "message",
    wantBundles: "no",
    recipients: recipients.map((one) => ({ scope: "all", ...one })),
    ...changes,
  };
}

/** An envelope for a device. */
export function envelopeFor(device: TestDevice, body: Uint8Array = new Uint8Array([1, 2, 3])) {
  return { device: device.known.device, registrationId: device.registrationId, body };
}

/** A recipient with the delivery key and one envelope for each of these devices of one person. */
export function sealedTo(...devices: readonly [TestDevice, ...TestDevice[]]) {
  const [{ person, known }] = devices;
  const { account } = known;
  const envelopes = devices.map((one) => envelopeFor(one));
  return { account, deliveryKey: person.deliveryKey, scope: "all" as const, envelopes };
}
