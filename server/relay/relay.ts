/** The relay: its rules, put together. Everything it does to the world goes through the ports it is given. */

import type {
  AbortSignalLike,
  Blobs,
  Bus,
  Clock,
  Connection,
  ConnectionHandler,
  EventLoop,
  HostGrants,
  HostTokens,
  HttpRequest,
  HttpResponse,
  Log,
  Metrics,
  Random,
  RelayPolicy,
  Signatures,
  Store,
} from "../ports.js";
import { Accounts } from "./accounts.js";
import { answerAttachment } from "./attachments/attachments.js";
import { FolderGauge } from "./attachments/folder-gauge.js";
import { Transfers } from "./attachments/transfers.js";
import { UploadLedger } from "./attachments/upload-ledger.js";
import { ClientConnection } from "./client-connection.js";
import { DeskLink } from "./desk/desk-link.js";
import { Realm } from "./desk/realm.js";
import { Reports } from "./desk/reports.js";
import { Sanctions } from "./desk/sanctions.js";
import { Stamps } from "./desk/stamps.js";
import { answerWellKnown } from "./desk/well-known.js";
import { evict } from "./devices.js";
import { Groups } from "./groups.js";
import { InFlight } from "./in-flight.js";
import { Limiters } from "./limiters.js";
import { catchUp } from "./missed-mail.js";
import { Opening } from "./opening.js";
import { Outgoing } from "./outgoing.js";
import { Refusals } from "./refusals.js";
import { dropRetired } from "./retired.js";
import type { Rules } from "./rules.js";

/** What a relay is made of. Store and blobs are open; whoever made the parts closes them, after the relay. */
export interface RelayParts {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly eventLoop: EventLoop;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly signatures: Signatures;
  /** Absent: no host token is taken, and only open registration can register anybody. */
  readonly hostTokens?: HostTokens | undefined;
  /** Absent: every grant is a bad one. */
  readonly grants?: HostGrants | undefined;
  readonly policy: RelayPolicy;
}

/** A running relay. */
export interface Relay {
  /** Greets a new socket; `undefined` refuses it. */
  connected(connection: Connection): ConnectionHandler | undefined;
  /** Answers an HTTP request for an attachment or for what is well known; `undefined` if it is for something else. */
  request(request: HttpRequest): Promise<HttpResponse> | undefined;
  /** Takes no new connections and answers new requests `busy`; what is in flight is finished. Idempotent. */
  drain(): void;
  /** Drains, waits for what is in flight, closes every connection with 4503, then waits for uploads and downloads. Idempotent. */
  close(): Promise<void>;
  /** Housekeeping, to be called every few minutes: expires mail, groups and blobs, drops orphaned mailboxes, looks for missed mail. */
  sweep(signal: AbortSignalLike): Promise<void>;
}

/** How often all connections are looked at for deadlines: one timer for all of them. */
const TICK_MS = 1_000;

/** Starts a relay. */
export function createRelay(parts: RelayParts): Relay {
  const { blobs, bus, clock, log, metrics, policy, store } = parts;
  const connections = new Set<ClientConnection>();
  let isDraining = false;
  let closing: Promise<void> | undefined;

  const realm = new Realm(parts);
  const stamps = new Stamps({ ...parts, realm });
  const reports = new Reports(parts);
  const rules: Rules = {
    ...parts,
    accounts: new Accounts(store.directory),
    groups: new Groups(store.logs),
    limiters: new Limiters(clock, metrics, policy.limiterScale),
    refusals: new Refusals(clock, policy.refusalDelayMs),
    outgoing: new Outgoing(parts.eventLoop),
    inFlight: new InFlight(),
    ledger: new UploadLedger(store.table, parts.signatures),
    transfers: new Transfers(),
    folderGauge: new FolderGauge(blobs, metrics),
    opening: new Opening(async () => {
      await realm.open();
      await stamps.open();
      await reports.open();
    }),
    realm,
    stamps,
    reports,
    desk: new DeskLink(parts),
    sanctions: new Sanctions({ ...parts, realm }, (sanction) => evict(rules, sanction)),
    tellEverybody(notice) {
      for (const connection of connections) connection.notice(notice);
    },
    get isDraining() {
      return isDraining;
    },
  };

  const forget = (gone: ClientConnection) => void connections.delete(gone);
  const tick = () => {
    timer = clock.after(TICK_MS, tick);
    const nowMs = clock.monotonic();
    for (const connection of connections) connection.tick(nowMs);
  };
  let timer = clock.after(TICK_MS, tick);

  const stopGaps = bus.onGap(() => {
    catchUp(rules, connections).catch((cause) => log.error("catchUpBroke", cause));
  });

  const expireGroups = async (signal: AbortSignalLike) => {
    const expired = await store.logs.expire(clock.now() - policy.groupTtlMs, signal);
    if (expired === 0) return;
    rules.groups.forget();
    await reports.reopen();
    metrics.count("groupsExpired", undefined, expired);
  };

  const expireBlobs = async (signal: AbortSignalLike) => {
    metrics.count("blobsExpired", undefined, await blobs.expire(clock.now(), signal));
    rules.folderGauge.note();
  };

  const shutDown = async () => {
    isDraining = true;
    rules.refusals.releaseAll();
    rules.desk.releaseAll();
    await rules.inFlight.idle();
    timer.cancel();
    stopGaps();
    for (const connection of [...connections]) connection.close("unavailable");
    // After the sockets: who only writes messages does not wait for who moves gigabytes.
    await rules.transfers.idle();
  };

  return {
    connected(connection) {
      if (isDraining || rules.limiters.take("connectionsPerAddress", connection.remoteAddress) > 0) return undefined;
      const client = new ClientConnection(rules, connection, forget);
      connections.add(client);
      client.open();
      return client;
    },

    request: (request) => answerAttachment(rules, request) ?? answerWellKnown(rules, request),

    drain() {
      isDraining = true;
    },

    close() {
      closing ??= shutDown();
      return closing;
    },

    async sweep(signal) {
      const expired = await store.mail.expire(clock.now() - policy.envelopeTtlMs, signal);
      metrics.count("envelopesExpired", undefined, expired);
      if (!signal.aborted) await expireGroups(signal);
      for (const account of rules.accounts.takeNoted()) {
        if (signal.aborted) return;
        await dropRetired(rules, account);
      }
      if (!signal.aborted) await catchUp(rules, connections);
      if (!signal.aborted) await expireBlobs(signal);
      if (!signal.aborted) await stamps.keepAhead();
      rules.sanctions.prune();
    },
  };
}
