/**
 * The composition root of the desk: puts its rules and their adapters together. `main.ts` (the `sotto-desk` command) starts one on its
 * own; in development mode the relay starts one inside itself, which dials it as any other would.
 */

import { join } from "node:path";
import { privateFolder } from "../keys/key-file.js";
import { createLog } from "../ops/log.js";
import { repeat, within } from "../ops/runners.js";
import { systemClock, systemRandom } from "../ops/system.js";
import type { Log } from "../ports.js";
import type { DeskService } from "./api.js";
import { hostTokenOf, policyOf, statementOf, tell } from "./choices.js";
import { type Console, openConsole } from "./http/console.js";
import { createDesk, type Desk } from "./index.js";
import { firstInvitation } from "./invitation.js";
import { blobAddress, socketAddress } from "./link/address.js";
import { type DeskLink, openLink } from "./link/relay-link.js";
import { firstRoot, namedRoot } from "./link/root-pin.js";
import type { DeskSettings } from "./settings.js";
import { openLevelRows, rowsFolder } from "./store/level-rows.js";
import { callWebhook } from "./webhooks.js";

/** What a desk is started with. */
export interface DeskOptions {
  readonly settings: DeskSettings;
  /** `embedded`: inside the relay, in development mode. */
  readonly mode: "standalone" | "embedded";
  /** Whether the console is served, on the port of the settings. */
  readonly console: "served" | "none";
  /** Standard output, in the form the settings ask for, unless given. */
  readonly log?: Log;
}

/** A relay. */
export interface RelayPlace {
  /** `http(s)://host:port`. */
  readonly url: string;
  /** The fingerprint of its root; unless given, the first one that is seen is kept. */
  readonly root: string | undefined;
}

/** A desk whose rows and keys are open, and that reaches for no relay yet. */
export interface OpenDesk {
  /** What the relay must know the desk by. */
  readonly linkKey: Uint8Array;
  /** For commands that look after a stopped desk. */
  readonly desk: Desk;
  /** Dials a relay and serves the console; resolves once the console listens. */
  start(relay: RelayPlace): Promise<RunningDesk>;
  /** Closes the rows of a desk that was not started. Idempotent. */
  close(): Promise<void>;
}

/** A desk at work. */
export interface RunningDesk {
  readonly service: DeskService;
  readonly linkKey: Uint8Array;
  /** What apps pin of the realm. */
  readonly fingerprint: string;
  /** Where the console is; `undefined` if it is not served. */
  readonly url: string | undefined;
  /** The link with which whoever comes first becomes a lead; `undefined` once anybody works here, and without a console. */
  firstInvitation(): Promise<string | undefined>;
  /** Resolves once the relay serves this desk's realm. */
  readonly realmServed: Promise<void>;
  /** Whether the relay is there now. */
  isLinked(): boolean;
  /** Does at once what is done every minute: keys, timers, retention. For tests. */
  sweep(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** How often keys, timers and retention are looked after. */
const SWEEP_EVERY_MS = 60_000;
/** How long a stop waits for what is being done. */
const CLOSING_MS = 5_000;

/**
 * Opens a desk's rows and keys; a new data folder gets new ones.
 *
 * @throws OperatorError if another desk has them open, or a file of the settings cannot be read.
 */
export async function openDesk(options: DeskOptions): Promise<OpenDesk> {
  const { settings } = options;
  const log = options.log ?? createLog({ level: settings.logLevel, format: settings.logFormat });
  await privateFolder(settings.dataDir);
  const rows = await openLevelRows(rowsFolder(settings.dataDir));
  const link = openLink({ clock: systemClock, random: systemRandom, log });
  try {
    const desk = await createDesk({
      rows,
      relay: link,
      settings: {
        ...policyOf(settings, options.mode === "embedded" ? "development" : "own process"),
        statement: await statementOf(settings),
      },
      now: () => systemClock.now(),
      random: (bytes) => systemRandom.bytes(bytes),
      callWebhook,
      ...hostTokenOf(settings, log),
      trouble: (kind, cause) => tell(log, kind, cause),
    });
    return assemble({ options, log, desk, link, closeRows: () => rows.close() });
  } catch (cause) {
    await rows.close();
    throw cause;
  }
}

/** What an open desk is made of. */
interface Assembly {
  readonly options: DeskOptions;
  readonly log: Log;
  readonly desk: Desk;
  readonly link: DeskLink;
  closeRows(): Promise<void>;
}

function assemble(assembly: Assembly): OpenDesk {
  const { desk } = assembly;
  let begun: Promise<Begun> | undefined;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= Promise.resolve(begun)
      .catch(() => undefined)
      .then((at) => stop(assembly, at));
    return closing;
  };
  return {
    linkKey: desk.link.publicKey,
    desk,
    close,
    async start(relay) {
      begun ??= begin(assembly, relay);
      return runningDesk(assembly, await begun, close);
    },
  };
}

/** What runs beside the rules. */
interface Begun {
  readonly console: Console | undefined;
  readonly sweeping: { stop(): Promise<void> };
}

async function begin(assembly: Assembly, { url: relay, root }: RelayPlace): Promise<Begun> {
  const { options, log, desk, link } = assembly;
  const console = await consoleOf(assembly, relay);
  const checkRoot = root === undefined ? firstRoot(join(options.settings.dataDir, "relay-root.json")) : namedRoot(root);
  link.start({ url: socketAddress(relay), keys: desk.link, checkRoot, events: desk });
  const sweeping = repeat({
    everyMs: SWEEP_EVERY_MS,
    clock: systemClock,
    work: (signal) => desk.sweep(signal as AbortSignal),
    failed: (cause) => log.error("deskSweepFailed", cause),
  });
  return { console, sweeping };
}

function runningDesk({ options, desk, link }: Assembly, { console }: Begun, close: () => Promise<void>): RunningDesk {
  const url = console === undefined ? undefined : (options.settings.publicUrl ?? console.url);
  return {
    service: desk,
    linkKey: desk.link.publicKey,
    fingerprint: desk.publicInfo.fingerprint,
    url,
    firstInvitation: async () => (url === undefined ? undefined : firstInvitation(desk, url)),
    realmServed: link.realmServed,
    isLinked: () => link.isLive,
    sweep: () => desk.sweep(new AbortController().signal),
    close,
  };
}

function consoleOf({ options, log, desk }: Assembly, relay: string): Promise<Console> | undefined {
  if (options.console === "none") return undefined;
  const { host, port, publicUrl, trustProxy } = options.settings;
  const publicHost = publicUrl === undefined ? undefined : new URL(publicUrl).hostname;
  const peer = trustProxy ? "forwarded" : "socket";
  return openConsole({
    service: desk,
    host,
    port,
    publicHost,
    peer,
    clock: systemClock,
    log,
    blobs: (id) => blobAddress(relay, id),
  });
}

/** The console first, so that nobody begins anything; then the link, so that nothing waits for it; and the rows when nobody uses them. */
async function stop({ log, desk, link, closeRows }: Assembly, begun: Begun | undefined): Promise<void> {
  try {
    const swept = begun?.sweeping.stop();
    await begun?.console?.close();
    link.close();
    if ((await within(CLOSING_MS, Promise.all([swept, desk.close()]))) === "late") log.warn("deskStoppedLate");
  } finally {
    await closeRows();
  }
}
