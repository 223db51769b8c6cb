/** Everything that sends to a group, over a true store, with a relay and a log in the test's hands. */

import {
  type AccountId,
  decodeGroupBody,
  decodePayload,
  encodeContent,
  FRANK_BYTES,
  type GroupState,
  type Payload,
} from "@sotto/protocol";
import { OwnAccount } from "../../../../../sdk/core/account/own-account.js";
import { Counters } from "../../../../../sdk/core/counters.js";
import type { Franker, Whom } from "../../../../../sdk/core/franking/franker.js";
import type { GroupSnapshot } from "../../../../../sdk/core/groups/log/group-logs.js";
import { Distributions } from "../../../../../sdk/core/groups/sending/distributions.js";
import { Fellows } from "../../../../../sdk/core/groups/sending/fellows.js";
import { GroupDispatch, type Together } from "../../../../../sdk/core/groups/sending/group-dispatch.js";
import { KeySharing } from "../../../../../sdk/core/groups/sending/key-sharing.js";
import { SenderKeys } from "../../../../../sdk/core/groups/sending/sender-keys.js";
import { KeyedLock } from "../../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../../sdk/core/outbox/kept-sends.js";
import { SendWindow } from "../../../../../sdk/core/outbox/lane.js";
import { rowOf } from "../../../../../sdk/core/outbox/order.js";
import type { Dispatched } from "../../../../../sdk/core/outbox/outcome.js";
import type { Row } from "../../../../../sdk/core/rows.js";
import { FormerSessions } from "../../../../../sdk/core/sessions/former-sessions.js";
import { Peers } from "../../../../../sdk/core/sessions/peers.js";
import { Sessions } from "../../../../../sdk/core/sessions/sessions.js";
import type { SealedStore } from "../../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../../sdk/node/platform.js";
import { manualClock } from "../../link/manual-clock.js";
import { ownRow } from "../../outbox/fixture.js";
import { me, messageId } from "../../people.js";
import { openSealed } from "../../storage/fixture.js";
import { type Request, ScriptedRelay } from "./scripted-relay.js";
import { group, snapshotOf } from "./snapshots.js";
import { openKey, openMessage, unsafeGroupEngine } from "./unsafe-group-engine.js";

/** When every test begins. */
const START_MS = manualClock().now();

/** What words share that are on their way together, the first of them unless others are named. */
export function together(window = new SendWindow(), before = Promise.resolve()): Together {
  return { window, before };
}

/** A row for the whole group, or for one of it. */
export function rowFor(number: number, over: Partial<Row<"outbox">> = {}): Row<"outbox"> {
  const content = {
    ...{ kind: "text", text: `t${number}`, sender: me, device: 1, conversation: group, messageId: messageId(number) },
    ...{ counter: number, sentAtMs: number, seen: [] },
  } as unknown as Parameters<typeof encodeContent>[0];
  const order = { group, type: "content", body: encodeContent(content) } as const;
  return { ...rowOf(order, { envelope: new Uint8Array(16).fill(number), createdMs: START_MS }), ...over };
}

/** What a message to the group was, opened. */
export interface Heard {
  readonly distribution: string;
  readonly to: readonly string[];
  readonly payload: Payload;
}

/** Makes the sending side of one device; another over the same store is its next run. */
export async function sendingFixture(members: readonly AccountId[], store?: SealedStore, relay = new ScriptedRelay()) {
  const sealed = store ?? (await openSealed());
  const account = OwnAccount.create(ownRow());
  const peers = new Peers(sealed);
  const clock = manualClock();
  const counters = new Counters();
  const locks = new KeyedLock();
  const { random } = nodePlatform;
  const engine = unsafeGroupEngine;
  const log = {
    /** What this device has read. */
    read: snapshotOf(
      group,
      [me, ...members].map((one) => ({ account: one })),
    ),
    /** What there is to read. */
    next: undefined as GroupSnapshot | undefined,
    syncs: 0,
  };
  const logs = {
    get: () => log.read,
    standing: () => ({ id: group, revision: log.read.state.seq, head: log.read.state.head }),
    async sync() {
      log.syncs += 1;
      if (log.next !== undefined) log.read = log.next;
      return log.read;
    },
    signSend: () => ({ revision: log.read.state.seq, signature: new Uint8Array(64) }),
  };
  const fellows = new Fellows({ account, peers, logs, clock });
  const former = new FormerSessions({ store: sealed, engine, clock });
  const certificates = { current: async () => new Uint8Array(1), doubt: () => {} };
  const anonymous = { request: relay.request };
  const device = {
    state: "ready" as const,
    end: undefined,
    request: async () => {
      throw new Error("a group is nothing to ask as ourselves");
    },
  };
  const sessions = new Sessions({
    ...{ store: sealed, account, peers, locks, engine, former },
    ...{ certificates, relay: { device, anonymous, nowMs: () => clock.now() } },
    identityChanges: {
      replace: async (row: Row<"peer">, identityKey: Uint8Array) => {
        const changed = { ...row, identityKey, devices: [], profileKey: undefined };
        return { row: changed, build: () => [], announceAfter: () => {} };
      },
    },
  } as unknown as ConstructorParameters<typeof Sessions>[0]);
  const nowMs = () => clock.now();
  const distributions = new Distributions({ store: sealed, account, peers, engine, certificates, random, nowMs });
  const keptSends = new KeptSends({ store: sealed, clock, failed: () => {} });
  const sharing = new KeySharing({
    ...{ store: sealed, sessions, fellows, distributions, keptSends, random, clock, counters },
    relay: { anonymous },
  });
  /** What goes beside every send; nothing while there is no token. */
  const franking = {
    isAwaited: false,
    asked: [] as { readonly row: Pick<Row<"outbox">, "envelope">; readonly whom: Whom }[],
  };
  const franker: Pick<Franker, "franked"> = {
    async franked(row, whom) {
      franking.asked.push({ row, whom });
      const frank = new Uint8Array(FRANK_BYTES).fill(1);
      return franking.isAwaited ? undefined : { frank, commitment: new Uint8Array(32).fill(row.envelope[0] ?? 0) };
    },
  };
  const dispatch = new GroupDispatch({
    ...{ franker, account, logs, fellows, sessions, distributions, sharing, locks, clock, counters },
    relay: { device, anonymous, nowMs },
  });
  const senderKeys = new SenderKeys({ store: sealed, account, peers, engine, distributions, clock, counters });

  /** Tries once. */
  const attempt = async (row: Row<"outbox">): Promise<Dispatched> => {
    const { attempted } = await dispatch.begin(row, together());
    return attempted;
  };
  /** Tries as a lane does: again at once after a repair. */
  const send = async (row: Row<"outbox">): Promise<Dispatched> => {
    for (let tries = 0; ; tries++) {
      const outcome = await attempt(row);
      if (outcome.kind !== "again" || outcome.afterMs !== 0 || tries === 4) return outcome;
    }
  };
  /** The accounts that were handed a key, in no order, with its distribution id. */
  const handed = (since = 0) =>
    relay
      .of("send")
      .slice(since)
      .flatMap(({ recipients }) => recipients ?? [])
      .map(({ account: to, envelopes }) => {
        const payload = decodePayload(envelopes[0]?.body ?? new Uint8Array());
        if (payload.type !== "senderKey") throw new Error(`handed a ${payload.type}`);
        return { to, devices: envelopes.map((one) => Number(one.device)), ...keyOf(payload.body) };
      });
  const said = (at = -1): Heard => heardIn(relay.of("sendGroup").at(at));
  const change = (next: readonly AccountId[], over: Partial<GroupState> = {}) => {
    relay.seq += 1;
    const everybody = [me, ...next].map((one) => ({ account: one }));
    log.next = snapshotOf(group, everybody, { seq: relay.seq, ...over });
  };
  return {
    ...{ store: sealed, account, peers, clock, counters, log, logs, relay, fellows, sessions, distributions, sharing },
    ...{ franking, dispatch, senderKeys, keptSends, attempt, send, handed, said, change },
  };
}

function keyOf(body: Uint8Array): { readonly distribution: string; readonly iteration: number } {
  const { distribution, iteration } = openKey(decodeGroupBody("senderKey", body).message);
  return { distribution: distribution.join(), iteration };
}

function heardIn(request: Request | undefined): Heard {
  if (request?.message === undefined) throw new Error("nothing was said to the group");
  const { distribution, recipients, plaintext } = openMessage(request.message);
  return {
    distribution: distribution.join(),
    to: recipients.map(({ account, device, registrationId }) => `${account.slice(0, 8)}.${device}/${registrationId}`),
    payload: decodePayload(Uint8Array.from(plaintext)),
  };
}
