/** What `sotto-relay doctor` looks at. Each check answers findings in plain words and leaves nothing behind. */

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, open, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { rootFingerprint } from "@sotto/protocol";
import { loadKeys } from "../../keys/key-folder.js";
import { OperatorError, systemCode } from "../operator-error.js";
import { portProblem } from "../port-probe.js";
import { isLoopback } from "../setting-kinds.js";
import { listenHost, type Settings } from "../settings.js";
import { systemClock } from "../system.js";

/** One line of the report. */
export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  readonly topic: string;
  readonly text: string;
}

const found = (level: Finding["level"], topic: string, text: string): Finding => ({ level, topic, text });

const NODE_MAJOR = 20;
const NODE_MINOR = 19;

/** Whether this Node is new enough. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < NODE_MAJOR || (major === NODE_MAJOR && minor < NODE_MINOR)) {
    return found(
      "fail",
      "node",
      `Node ${version} is too old; install ${NODE_MAJOR}.${NODE_MINOR} or newer (24 LTS is recommended).`,
    );
  }
  return found("ok", "node", `Node ${version}`);
}

/** Settings that are valid but deserve a second look. */
export function checkExposure(settings: Settings): readonly Finding[] {
  const findings: Finding[] = [];
  const host = listenHost(settings);
  if (settings.development) {
    const local = isLoopback(host);
    findings.push(
      found(
        local ? "warn" : "fail",
        "exposure",
        `Development mode on ${host}: ${local ? "only programs on this machine" : "ANYBODY who reaches it"} can register as anybody.`,
      ),
    );
  }
  if (settings.trustProxy && settings.metricsToken === undefined) {
    findings.push(found("warn", "exposure", "Behind a proxy, /metrics should have a token: set SOTTO_METRICS_TOKEN."));
  }
  if (settings.limiterScale !== 1)
    findings.push(
      found("warn", "exposure", `SOTTO_LIMITER_SCALE is ${settings.limiterScale}; 1 is right for production.`),
    );
  if (findings.length === 0)
    findings.push(found("ok", "exposure", `listens on ${host}, registration needs host tokens`));
  return findings;
}

/** Whether somebody reads reports. A relay without a desk stays ready: what it takes is delivered, and nobody's app shows it. */
export function checkDesk({ deskKey, development }: Settings): Finding {
  if (deskKey !== undefined) return found("ok", "desk", "its key is set");
  return development
    ? found("ok", "desk", "runs inside this relay, as development mode does; metrics say whether it is there")
    : found("warn", "desk", "No desk: nobody can report, and apps show no messages. Start one and set SOTTO_DESK_KEY.");
}

/** The earliest time this program can be running at. */
const EARLIEST_MS = Date.parse("2025-01-01T00:00:00Z");

/** Whether the clock can be right; certificates and tokens depend on it. */
export function checkClock(nowMs: number, installedMs: number | undefined): Finding {
  const shown = new Date(nowMs).toISOString();
  if (nowMs < EARLIEST_MS) return found("fail", "clock", `This machine says it is ${shown}; set its clock.`);
  if (installedMs !== undefined && nowMs < installedMs - 60_000) {
    return found("fail", "clock", `This machine says it is ${shown}, before its keys were installed; set its clock.`);
  }
  return found("ok", "clock", shown);
}

const GIB = 1024 ** 3;
const SLOW_SYNC_MS = 50;

/** Whether the data folder can be written, is private, has room, and how fast its disk confirms a write. */
export async function checkDataDir({ dataDir }: Settings): Promise<readonly Finding[]> {
  const topic = "data folder";
  const folder = await stat(dataDir).catch((cause: unknown) => systemCode(cause) ?? "unknown reason");
  if (folder === "ENOENT") {
    const parent = dirname(dataDir);
    return (await isWritable(parent))
      ? [found("warn", topic, `${dataDir} does not exist yet; the first start makes it.`)]
      : [
          found(
            "fail",
            topic,
            `${dataDir} does not exist and cannot be made in ${parent}; make it, or set SOTTO_DATA_DIR.`,
          ),
        ];
  }
  if (typeof folder === "string") return [found("fail", topic, `${dataDir} cannot be read (${folder}).`)];
  if (!folder.isDirectory()) return [found("fail", topic, `${dataDir} is no folder; set SOTTO_DATA_DIR to one.`)];
  const open = process.platform !== "win32" && (folder.mode & 0o077) !== 0;
  const findings = [
    open
      ? found("warn", topic, `Others may look into ${dataDir}; run: chmod 700 ${dataDir}`)
      : found("ok", topic, `${dataDir} is private`),
  ];
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const level = free < GIB / 10 ? "fail" : free < GIB ? "warn" : "ok";
  findings.push(
    found(
      level,
      "disk",
      `${(free / GIB).toFixed(1)} GiB free${level === "ok" ? "" : "; make room, a full disk stops the relay"}`,
    ),
  );
  findings.push(await probeSync(dataDir));
  return findings;
}

/** Writes and syncs a small file ten times. */
async function probeSync(dataDir: string): Promise<Finding> {
  const file = join(dataDir, `.doctor-${randomBytes(4).toString("hex")}`);
  try {
    const handle = await open(file, "wx", 0o600);
    const times: number[] = [];
    try {
      for (let round = 0; round < 10; round++) {
        const from = performance.now();
        await handle.write(randomBytes(4096), 0, 4096, round * 4096);
        await handle.datasync();
        times.push(performance.now() - from);
      }
    } finally {
      await handle.close();
    }
    const medianMs = times.sort((a, b) => a - b)[5] ?? 0;
    const text = `a synced write takes ${medianMs.toFixed(1)} ms`;
    return medianMs > SLOW_SYNC_MS
      ? found("warn", "disk", `${text}; every send waits for one, use a faster disk`)
      : found("ok", "disk", text);
  } catch (cause) {
    return found(
      "fail",
      "disk",
      `${dataDir} cannot be written (${systemCode(cause) ?? "unknown reason"}); give this user the right to.`,
    );
  } finally {
    await rm(file, { force: true });
  }
}

/** Whether the folder of attachments can be used, and the disk holds what the settings let them take. */
export async function checkBlobs(
  { attachmentFolderBytes, dataDir }: Settings,
  folder: string,
): Promise<readonly Finding[]> {
  const topic = "attachments";
  const there = await stat(folder).catch((cause: unknown) => systemCode(cause) ?? "unknown reason");
  if (typeof there === "string" && there !== "ENOENT") {
    return [found("fail", topic, `${folder} cannot be read (${there}); give this user the right to.`)];
  }
  if (typeof there !== "string" && !there.isDirectory()) {
    return [found("fail", topic, `${folder} is no folder; move it away, the relay makes one.`)];
  }
  if (typeof there !== "string" && !(await isWritable(folder))) {
    return [found("fail", topic, `${folder} cannot be written; give this user the right to.`)];
  }
  const disk = await statfs(typeof there === "string" ? dataDir : folder).catch(() => undefined);
  if (disk === undefined) return [];
  const free = disk.bavail * disk.bsize;
  const sizes = `attachments may take ${inGib(attachmentFolderBytes)}, and ${inGib(free)} of their disk are free`;
  return free < attachmentFolderBytes
    ? [found("warn", topic, `${sizes}; unless they take the rest already, lower SOTTO_ATTACHMENT_FOLDER_BYTES`)]
    : [found("ok", topic, sizes)];
}

function inGib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

const YEAR_MS = 365 * 86_400_000;

/** Whether keys are there, whole, private, and not due for renewal. Certificates of this kind have no expiry of their own. */
export async function checkKeys({
  dataDir,
  development,
}: Settings): Promise<{ readonly finding: Finding; readonly installedMs?: number }> {
  try {
    const keys = await loadKeys(dataDir);
    if (keys === undefined) {
      return {
        finding: development
          ? found("ok", "keys", "none yet; development mode makes them")
          : found("fail", "keys", "none; see: sotto-relay keys --help"),
      };
    }
    const { installedMs } = keys;
    const ageDays = Math.floor((systemClock.now() - installedMs) / 86_400_000);
    const text = `root ${rootFingerprint(keys.root)}, certificate key ${ageDays} days old`;
    if (keys.origin === "development" && !development) {
      return {
        installedMs,
        finding: found(
          "warn",
          "keys",
          `${text}; made in development mode, nobody holds the root: request and install new ones`,
        ),
      };
    }
    if (ageDays * 86_400_000 > YEAR_MS)
      return { installedMs, finding: found("warn", "keys", `${text}; renew it: sotto-relay keys request FILE`) };
    return { installedMs, finding: found("ok", "keys", text) };
  } catch (cause) {
    if (cause instanceof OperatorError) return { finding: found("fail", "keys", cause.message) };
    throw cause;
  }
}

/** Whether the port is free. A running relay is a warning: doctor may be asked about it while it runs. */
export async function checkPort(settings: Settings): Promise<Finding> {
  const problem = await portProblem(listenHost(settings), settings.port);
  if (problem === undefined) return found("ok", "port", `${settings.port} is free`);
  return found(problem.startsWith("A Sotto relay") ? "warn" : "fail", "port", problem);
}
