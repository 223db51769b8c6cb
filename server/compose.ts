/**
 * The composition root: puts the rules and their adapters together, with `main-parts/` for the parts that can fail in an
 * operator's hands. `main.ts` (command line), `index.ts` (embedding) and `start.ts` (npm start) all start a relay here.
 */

import { rootFingerprint } from "@sotto/protocol";
import type { RunningDesk } from "./desk/compose.js";
import { createSignatures } from "./keys/signatures.js";
import { type EmbeddedDesk, openEmbeddedDesk } from "./main-parts/embedded-desk.js";
import { openBlobs } from "./main-parts/open-blobs.js";
import { type HostChecks, openHostChecks, openKeys } from "./main-parts/open-keys.js";
import { openSocket, openTransport, urlHost } from "./main-parts/open-socket.js";
import { openStore } from "./main-parts/open-store.js";
import { answerHttp, type RelayState } from "./ops/http.js";
import { createLog } from "./ops/log.js";
import { createMetrics } from "./ops/metrics.js";
import { repeat, within } from "./ops/runners.js";
import { listenHost, type Settings } from "./ops/settings.js";
import { systemClock, systemEventLoop, systemRandom } from "./ops/system.js";
import { VERSION } from "./ops/version.js";
import type { Blobs, Listening, Log, RelayPolicy, Store, StoreError } from "./ports.js";
import { createRelay, type Relay } from "./relay/index.js";
import { localBus } from "./store/index.js";

/** What a relay is started with. */
export interface RelayOptions {
  readonly settings: Settings;
  /** Standard output, in the form the settings ask for, unless given. */
  readonly log?: Log;
  /** Instead of the LevelDB in the data folder; the relay opens and closes it. For tests. */
  readonly store?: Store;
  /** Instead of the folder in the data folder; the relay opens and closes them. For tests. */
  readonly blobs?: Blobs;
  /**
   * Called when the store has failed for good. Unless given, the process ends with code 70 at once: what LevelDB holds
   * after a failed sync is unknown, so nothing may be promised any more.
   */
  readonly onFatal?: (cause: StoreError) => void;
}

/** A relay that takes connections. */
export interface RunningRelay {
  /** Where clients connect, such as `http://localhost:8787`. */
  readonly url: string;
  readonly port: number;
  /** What apps pin: `sha256:` and hex digits. */
  readonly rootFingerprint: string;
  /** The name of the socket server. */
  readonly transport: string;
  /** The desk inside this relay, in development mode without a `deskKey`. */
  readonly desk?: RunningDesk;
  /** Where the relay is in its life, as /ready shows it. */
  state(): RelayState;
  /** Takes no new sockets and says so on /ready; what is open goes on. Idempotent. */
  drain(): void;
  /**
   * Drains, finishes what is in flight within `drainTimeout`, closes every socket with 4503, then flushes and closes the
   * store. Idempotent.
   */
  close(): Promise<void>;
}

/** How often expired mail is looked for. */
const SWEEP_EVERY_MS = 5 * 60_000;
/** EX_SOFTWARE of sysexits.h; a service manager restarts after it. */
const STORE_FAILED_EXIT_CODE = 70;

/**
 * Starts a relay and resolves once it takes connections.
 *
 * @throws OperatorError if the port or the data folder is taken or unusable, keys are missing, or a key file is wrong.
 */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
  const { settings } = options;
  const log = options.log ?? createLog({ level: settings.logLevel, format: settings.logFormat });
  const hostChecks = openHostChecks(settings, log);
  // The store first: its lock keeps a second relay away from the keys.
  const store = await openStore(settings.dataDir, options.store, log);
  try {
    const blobs = await openBlobs(settings, options.blobs, log);
    try {
      const embedded = await openEmbeddedDesk(settings, log);
      return await startOn({ store, blobs }, { ...options, log, hostChecks, embedded }).catch(async (cause) => {
        await embedded?.close();
        throw cause;
      });
    } catch (cause) {
      await blobs.close();
      throw cause;
    }
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

/** What a relay keeps. */
interface Storage {
  readonly store: Store;
  readonly blobs: Blobs;
}

type StartOptions = RelayOptions & {
  readonly log: Log;
  readonly hostChecks: HostChecks | undefined;
  readonly embedded: EmbeddedDesk | undefined;
};

async function startOn(
  { store, blobs }: Storage,
  { settings, log, hostChecks, embedded, onFatal }: StartOptions,
): Promise<RunningRelay> {
  const keys = await openKeys(settings, log);
  const fingerprint = rootFingerprint(keys.root);
  const transport = await openTransport(settings, log);
  const metrics = createMetrics();
  const relay = createRelay({
    store,
    blobs,
    bus: localBus(),
    clock: systemClock,
    eventLoop: systemEventLoop,
    random: systemRandom,
    log,
    metrics,
    signatures: createSignatures(keys),
    ...hostChecks,
    policy: { ...policyOf(settings), deskKey: settings.deskKey ?? embedded?.linkKey },
  });

  let state: RelayState = "starting";
  const pages = answerHttp({
    state: () => state,
    metrics,
    metricsToken: settings.metricsToken,
    rootFingerprint: fingerprint,
    version: VERSION,
  });
  const listening = await openSocket(transport, settings, {
    connected: (connection) => (state === "ready" ? relay.connected(connection) : undefined),
    request: (request) => relay.request(request) ?? pages(request),
  }).catch(async (cause: unknown) => {
    await relay.close();
    metrics.close();
    throw cause;
  });
  state = "ready";

  const host = listenHost(settings);
  if (settings.development) {
    const remedy = "for real users set SOTTO_DEVELOPMENT=false and a token key";
    log.warn("DEVELOPMENT MODE: WHOEVER REACHES THIS RELAY CAN REGISTER AS ANYBODY", { host, remedy });
  }

  void store.failed.then((cause) => {
    state = "failed";
    log.error("storeFailed", cause, { remedy: "check the disk, then start again; what was accepted is on it" });
    if (onFatal === undefined) process.exit(STORE_FAILED_EXIT_CODE);
    onFatal(cause);
  });
  const sweeping = repeat({
    everyMs: SWEEP_EVERY_MS,
    clock: systemClock,
    work: (signal) => relay.sweep(signal),
    failed: (cause) => log.error("sweepFailed", cause),
  });

  const drain = () => {
    if (state !== "ready") return;
    state = "draining";
    log.info("draining");
    relay.drain();
  };
  let closing: Promise<void> | undefined;
  const running = {
    url: `http://${urlHost(host)}:${listening.port}`,
    port: listening.port,
    rootFingerprint: fingerprint,
    transport: transport.name,
    state: () => state,
    drain,
    close() {
      drain();
      closing ??= stop({
        relay,
        listening,
        store,
        blobs,
        log,
        sweeping,
        embedded,
        timeoutMs: settings.drainTimeout,
      }).finally(metrics.close);
      return closing;
    },
  };
  try {
    const desk = await embedded?.start({ url: running.url, root: fingerprint });
    // Said once clients can do everything here: without a realm nobody sends.
    log.info("listening", { host, port: listening.port, transport: transport.name, fingerprint, version: VERSION });
    return desk === undefined ? running : { ...running, desk };
  } catch (cause) {
    await running.close();
    throw cause;
  }
}

interface Stopping extends Storage {
  readonly relay: Relay;
  readonly listening: Listening;
  readonly log: Log;
  readonly sweeping: { stop(): Promise<void> };
  readonly embedded: EmbeddedDesk | undefined;
  readonly timeoutMs: number;
}

/** The port stays open while work is finished, so that /ready can say 503; what was taken is flushed whatever happened before. */
async function stop({ relay, listening, store, blobs, log, sweeping, embedded, timeoutMs }: Stopping): Promise<void> {
  const remedy = "clients send again what was not accepted; raise SOTTO_DRAIN_TIMEOUT to wait longer";
  try {
    await embedded?.close().catch((cause: unknown) => log.error("deskStopFailed", cause));
    const finished = await within(timeoutMs, Promise.all([sweeping.stop(), relay.close()]));
    if (finished === "late") log.warn("drainTimeout", { remedy });
    listening.stopAccepting();
    await within(timeoutMs, listening.close());
  } finally {
    await blobs.close().finally(() => store.close());
  }
  log.info("stopped");
}

function policyOf(settings: Settings): RelayPolicy {
  return {
    registration: settings.development ? "open" : "hostTokens",
    deviceLimit: settings.deviceLimit,
    mailboxQuota: { envelopes: settings.mailboxEnvelopes, bytes: settings.mailboxBytes },
    envelopeTtlMs: settings.envelopeTtl,
    certificateTtlMs: settings.certificateTtl,
    keysLowAt: settings.keysLowAt,
    refusalDelayMs: settings.refusalDelay,
    limiterScale: settings.limiterScale,
    firstContactFloor: settings.firstContactFloor,
    grantBases: settings.grantBases,
    groupAccounts: settings.groupAccounts,
    groupRecipients: settings.groupRecipients,
    groupLog: { entries: settings.groupLogEntries, bytes: settings.groupLogBytes },
    groupTtlMs: settings.groupTtl,
    attachmentBytes: settings.attachmentBytes,
    attachmentQuotaBytes: settings.attachmentQuota,
    attachmentTtlMs: settings.attachmentTtl,
    uploadTtlMs: settings.uploadTtl,
    reports: { count: settings.reportsWaiting, bytes: settings.reportsBytes },
  };
}
