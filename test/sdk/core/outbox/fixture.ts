/** An outbox with a real store and a relay in the test's hands. */

import {
  type AccountId,
  type DeviceId,
  deriveDeliveryKey,
  type Frame,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Counters } from "../../../../sdk/core/counters.js";
import type { OwnEvidence } from "../../../../sdk/core/franking/franker.js";
import type { Refusal } from "../../../../sdk/core/groups/sending/fellows.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import type { TakingBack } from "../../../../sdk/core/link/request-table.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import type { Settled } from "../../../../sdk/core/outbox/order.js";
import { Outbox, type OutboxParts } from "../../../../sdk/core/outbox/outbox.js";
import type { Dispatched } from "../../../../sdk/core/outbox/outcome.js";
import { keys, type Row } from "../../../../sdk/core/rows.js";
import type { Fellow } from "../../../../sdk/core/sessions/fetch-bundles.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { Writing } from "../../../../sdk/core/sessions/sessions.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { type ManualClock, manualClock, settled } from "../link/manual-clock.js";
import { conversationId, device, me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

/** How far the relay's clock is ahead of this device's. */
export const RELAY_AHEAD_MS = 5_000;

/** The row of this device, with keys that open nothing. */
export function ownRow(): Row<"account"> {
  const bytes = (size: number) => new Uint8Array(size).fill(7);
  return {
    phase: "registered",
    mode: "first",
    relay: "ws://localhost",
    account: me,
    device,
    registrationId: 1,
    identityPublic: bytes(33),
    identityPrivate: bytes(32),
    devicePublic: bytes(32),
    devicePrivate: bytes(32),
    profileKey: bytes(32),
    profileKeyVersion: 0,
    nameVersion: 0,
    policy: "everyone",
    policyVersion: 0,
    nextPrekeyId: 1,
    signedPrekeyId: 1,
    lastResortPrekeyId: 1,
    rotatedMs: 0,
  };
}

/** What the relay answers a send; a rejection is what it refuses. */
export type Answer = (send: {
  readonly link: "device" | "anonymous";
  readonly envelope: Uint8Array;
  readonly deliveryKey: Uint8Array | undefined;
  readonly frame: Frame<"send">;
}) => Promise<Frame<"accepted"> | Frame<"deviceMismatch">>;

export const accepted: Frame<"accepted"> = { type: "accepted", id: 1, acceptedMs: 1, stamps: [new Uint8Array(16)] };
export const mismatch: Frame<"deviceMismatch"> = {
  type: "deviceMismatch",
  id: 1,
  accounts: [],
  denied: [],
  bundles: [],
};
/** How far this device has read the log of every group. */
export const standing = { revision: 3, head: new Uint8Array(32).fill(3) };
/** A refusal of the relay. */
export const refuse = (code: ConstructorParameters<typeof SottoError>[0]) => Promise.reject(new SottoError(code));

export interface OutboxFixture {
  readonly store: SealedStore;
  readonly clock: ManualClock;
  readonly outbox: Outbox;
  readonly peers: Peers;
  readonly keptSends: KeptSends;
  readonly outcomes: {
    readonly content: number | undefined;
    readonly kind: string;
    readonly code: string | undefined;
    readonly acceptedMs?: number | undefined;
  }[];
  readonly sends: {
    readonly link: string;
    readonly envelope: Uint8Array;
    readonly plaintext: Uint8Array;
    readonly frame: Frame<"send">;
  }[];
  readonly failures: unknown[];
  readonly counters: Counters;
  readonly repairs: { count: number };
  answer: Answer;
  state: "ready" | "waiting" | "ended";
  /** Why the device's connection ended for good. */
  end: SottoError | undefined;
  encryptFails: SottoError | undefined;
  /** The host's grants, the one to show first. */
  grants: string[];
  /** The profile key that may leave. */
  handedOut: Uint8Array | undefined;
  /** This device waits to be told who its contacts are. */
  isStateAwaited: boolean;
  /** The devices that the peer is known to have. */
  peerDevices: DeviceId[];
  /** Other devices of this account. */
  ownOthers: DeviceId[];
  /** Everybody in a group with this account. */
  fellows: Map<AccountId, Fellow>;
  /** Hashes the relay refused. */
  readonly refusals: Refusal[];
  /** What becomes of rows for whole groups, and of keys that are to be handed over. */
  toGroup: (row: Row<"outbox">) => Promise<Dispatched>;
  /** Rows that ended, as they ended. */
  readonly ended: Row<"outbox">[];
  /** Of those that were accepted, whether they were wanted still. */
  readonly wanted: boolean[];
  /** As whom accounts were encrypted to. */
  readonly encryptedFor: (Fellow | undefined)[];
  /** There is no token yet. */
  isFrankAwaited: boolean;
  frankFails: SottoError | undefined;
  /** Runs while a row is franked. */
  whileFranking: () => Promise<void>;
  /** Runs while a group's log is read for a member that could not be written to. */
  whileDoubting: () => Promise<void>;
  /** What is kept of what the relay accepted. */
  evidence: OwnEvidence | undefined;
  /** When the relay took what was franked with a token that was not good then. */
  readonly missedAt: Set<number>;
  /** How often the relay was asked what time it is. */
  timeAsked: number;
  /** Whose frank was forgotten because they were taken back. */
  readonly forgotten: Uint8Array[];
  /** Queues and commits a row whose content is one byte. */
  put(content: number): Promise<number>;
}

/** Makes one; another over the same store is the next run. */
export async function outboxFixture(store?: SealedStore, clock = manualClock()): Promise<OutboxFixture> {
  const sealed = store ?? (await openSealed());
  const peers = new Peers(sealed);
  const counters = new Counters();
  const failures: unknown[] = [];
  const failed = (error: unknown) => failures.push(error);
  const keptSends = new KeptSends({ store: sealed, clock, failed });
  const outcomes: OutboxFixture["outcomes"] = [];
  const sends: OutboxFixture["sends"] = [];
  const repairs = { count: 0 };
  const refusals: Refusal[] = [];
  const ended: Row<"outbox">[] = [];
  const wanted: boolean[] = [];
  const encryptedFor: (Fellow | undefined)[] = [];
  const forgotten: Uint8Array[] = [];
  let plaintext = new Uint8Array(0);
  const request =
    (link: "device" | "anonymous") =>
    async (frame: { readonly type: string }, { recall }: TakingBack = {}): Promise<never> => {
      if (recall?.aborted) throw new SottoError("aborted");
      const send = frame as unknown as Frame<"send">;
      const body = send.recipients[0]?.envelopes[0]?.body ?? plaintext;
      sends.push({ link, envelope: send.messageId, plaintext: body, frame: send });
      const deliveryKey = send.recipients[0]?.deliveryKey;
      return (await fixture.answer({ link, envelope: send.messageId, deliveryKey, frame: send })) as never;
    };
  const parts: OutboxParts = {
    store: sealed,
    account: OwnAccount.create(ownRow()),
    peers,
    sessions: {
      async encrypt(recipient: AccountId, bytes: Uint8Array, { only, fellow }: Writing = {}) {
        encryptedFor.push(fellow);
        if (fixture.encryptFails !== undefined) throw fixture.encryptFails;
        plaintext = bytes.slice();
        const devices = only !== undefined ? [only] : recipient === me ? fixture.ownOthers : fixture.peerDevices;
        const envelopes = devices.map((device) => ({ device, registrationId: 1, body: plaintext }));
        return { envelopes, durable: Promise.resolve() };
      },
      async repair() {
        repairs.count += 1;
      },
    },
    relay: {
      device: {
        get state() {
          return fixture.state;
        },
        get end() {
          return fixture.end;
        },
        request: request("device"),
      },
      anonymous: { request: request("anonymous") },
      nowMs: () => clock.now() + RELAY_AHEAD_MS,
    },
    isStateAwaited: () => fixture.isStateAwaited,
    grants: {
      of: async () => fixture.grants[0],
      async refused() {
        fixture.grants.shift();
        return fixture.grants.length > 0;
      },
      spent: () => undefined,
    },
    franker: {
      async franked(row) {
        if (fixture.frankFails !== undefined) throw fixture.frankFails;
        if (fixture.isFrankAwaited) return undefined;
        await fixture.whileFranking();
        return { commitment: commitmentTo(row.envelope) };
      },
      evidence: async () => fixture.evidence,
      isMissed: async (_row, acceptedMs) => fixture.missedAt.has(acceptedMs),
      forgotten: ({ envelope }) => ({ key: keys.frank(envelope), value: undefined }),
      forget: ({ envelope }) => void forgotten.push(envelope),
    },
    async askTime() {
      fixture.timeAsked += 1;
    },
    accountState: { filled: async (body) => body },
    registerOrders: { filled: async (body) => body },
    logs: { standing: (id) => ({ id, ...standing }) },
    fellows: {
      of: async (_group, account) => fixture.fellows.get(account),
      async refused(_group, refused) {
        refusals.push(...refused);
        await fixture.whileDoubting();
      },
    },
    groupDispatch: {
      begin: async (row) => ({ attempted: fixture.toGroup(row) }),
      hand: async (row) => ({ attempted: fixture.toGroup(row) }),
    },
    handedOut: () => fixture.handedOut,
    locks: new KeyedLock(),
    clock,
    random: nodePlatform.random,
    counters,
    keptSends,
    failed,
    async settled(row: Row<"outbox">, outcome: Settled) {
      await outcome.commit([]);
      const code = outcome.kind === "failed" ? outcome.error.code : undefined;
      const acceptedMs = outcome.kind === "accepted" ? outcome.acceptedMs : undefined;
      ended.push(row);
      if (outcome.kind === "accepted") wanted.push(outcome.isWanted());
      outcomes.push({ content: row.body[0], kind: outcome.kind, code, acceptedMs });
    },
  };
  const outbox = new Outbox(parts);
  const fixture: OutboxFixture = {
    ...{ store: sealed, clock, outbox, peers, keptSends, outcomes, sends, failures, counters, repairs },
    ...{ refusals, ended, wanted, encryptedFor, forgotten },
    isFrankAwaited: false,
    frankFails: undefined,
    whileFranking: async () => undefined,
    whileDoubting: async () => undefined,
    evidence: undefined,
    missedAt: new Set(),
    timeAsked: 0,
    fellows: new Map(),
    toGroup: async () => ({ kind: "accepted", acceptedMs: 1, inGroup: { standing, leftOut: [] } }),
    answer: async () => accepted,
    state: "ready",
    end: undefined,
    encryptFails: undefined,
    grants: [],
    isStateAwaited: false,
    handedOut: new Uint8Array(32).fill(7),
    peerDevices: [parseDeviceId(1)],
    ownOthers: [],
    async put(content) {
      const queued = outbox.queue({
        recipient: peer,
        type: "content",
        body: Uint8Array.of(content),
        conversation: conversationId,
        sequence: content,
      });
      await sealed.commit(queued.changes);
      queued.sent();
      return queued.order;
    },
  };
  return fixture;
}

/** What goes beside the ciphertext of an order. */
export function commitmentTo(envelope: Uint8Array): Uint8Array {
  return Uint8Array.of(...envelope, ...envelope);
}

/** Lets everything happen that needs no time. */
export async function quiet(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await settled();
}

/** Hands the peer's profile key to the outbox; answers the delivery key made from it. */
export async function holdProfileKey({ peers, store }: OutboxFixture, byte: number): Promise<Uint8Array> {
  const profileKey = new Uint8Array(32).fill(byte);
  await store.commit([peers.change({ ...(await peers.get(peer)), profileKey })]);
  return deriveDeliveryKey(profileKey);
}
