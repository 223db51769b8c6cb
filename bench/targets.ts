/** The servers that are measured. Each starts fresh for every run, with empty data, in a process of its own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../test/support/free-port.js";
import type { DialectName } from "./load/orders.js";
import { type ServerCommand, type ServerProcess, startServer } from "./processes/server-process.js";

/** The root of the working tree. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** How a run looks at its server: from outside only, or with its memory collected on demand. */
type Inspection = "outside" | "memory";

/** A server that can be measured. */
export interface Target {
  readonly name: string;
  readonly dialect: DialectName;
  /** Whether its idle connections authenticate first. */
  readonly greeting: "authenticate" | "none";
  start(inspection: Inspection): Promise<ServerProcess>;
}

/** What Node needs to run TypeScript; our own packages come from their source or from their `dist`. */
export const nodeFlags = {
  source: ["--conditions=sotto-source", "--import", "tsx"],
  built: ["--import", "tsx"],
} as const;

/** Flags for a server that is measured: `collect.ts` is TypeScript, so only its presence brings tsx to built code. */
function serverFlags(code: "source" | "built", inspection: Inspection): readonly string[] {
  if (inspection === "outside") return code === "source" ? nodeFlags.source : [];
  return [...nodeFlags[code], "--expose-gc", "--import", join(ROOT, "bench/idle/collect.ts")];
}

/** Starts a command with a data folder that goes when the server is stopped. */
async function startWithData(commandOf: (folder: string) => Promise<ServerCommand>): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-bench-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const server = await startServer(await commandOf(folder));
    return { ...server, stop: () => server.stop().then(remove) };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

/** The minimal relay in one of its variants. */
export function minimalTarget(push: "afterCommit" | "beforeCommit"): Target {
  return {
    name: push === "afterCommit" ? "minimal, push after commit" : "minimal, push before commit",
    dialect: "minimal",
    greeting: "authenticate",
    start: (inspection) =>
      startWithData(async (folder) => ({
        command: process.execPath,
        arguments: [
          ...serverFlags("source", inspection),
          join(ROOT, "bench/minimal-relay/main.ts"),
          "--data",
          folder,
          "--push",
          push,
        ],
        cwd: ROOT,
        environment: {},
        ready: { kind: "printsPort" },
        channel: inspection === "memory" ? "ipc" : "none",
      })),
  };
}

/** uWebSockets.js alone; only for idle connections. */
export function bareTarget(): Target {
  return {
    name: "bare uWebSockets.js",
    dialect: "minimal",
    greeting: "none",
    start: (inspection) =>
      startServer({
        command: process.execPath,
        arguments: [...serverFlags("source", inspection), join(ROOT, "bench/idle/echo-server.ts")],
        cwd: ROOT,
        environment: {},
        ready: { kind: "printsPort" },
        channel: inspection === "memory" ? "ipc" : "none",
      }),
  };
}

/** The plain static server that transfers are compared with. */
export function staticTarget(): Pick<Target, "start"> {
  return {
    start: () =>
      startWithData(async (folder) => ({
        command: process.execPath,
        arguments: [...nodeFlags.built, join(ROOT, "bench/attachments/static-server.ts"), "--data", folder],
        cwd: ROOT,
        environment: {},
        ready: { kind: "printsPort" },
        channel: "none",
      })),
  };
}

/** Which Sotto relay: of which tree, on which transport, from TypeScript or from `npm run build`'s output. */
export interface SottoOptions {
  readonly name: string;
  readonly root: string;
  readonly transport: "auto" | "portable";
  readonly code: "source" | "built";
}

/** A Sotto relay on empty data, as `startSotto` starts it. */
export function sottoTarget(options: SottoOptions): Target {
  return {
    name: options.name,
    dialect: "sotto",
    greeting: "authenticate",
    start: (inspection) => startWithData((folder) => sottoCommand(options, folder, inspection)),
  };
}

/** Starts a Sotto relay on the data of a folder, which stays when the relay is stopped. */
export async function startSotto(options: SottoOptions, folder: string): Promise<ServerProcess> {
  return startServer(await sottoCommand(options, folder, "outside"));
}

/** Development mode and limiters opened wide; nothing else differs from production. */
async function sottoCommand(
  { root, transport, code }: SottoOptions,
  folder: string,
  inspection: Inspection,
): Promise<ServerCommand> {
  const port = await freePort();
  const program = code === "source" ? ["server/start.ts"] : ["server/dist/main.js", "serve"];
  return {
    command: process.execPath,
    arguments: [...serverFlags(code, inspection), ...program],
    cwd: root,
    environment: {
      SOTTO_DEVELOPMENT: "true",
      SOTTO_HOST: "127.0.0.1",
      SOTTO_PORT: String(port),
      SOTTO_DATA_DIR: folder,
      SOTTO_LIMITER_SCALE: "1000000",
      SOTTO_MAILBOX_ENVELOPES: "20000",
      ...(transport === "portable" ? { SOTTO_TRANSPORT: "portable" } : {}),
    },
    ready: { kind: "health", port },
    channel: inspection === "memory" ? "ipc" : "none",
  };
}
