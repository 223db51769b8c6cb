/** `sotto-relay doctor`: says whether a relay would run well here, a line a finding. */

import { OperatorError } from "../operator-error.js";
import { SettingsError } from "../read-table.js";
import type { Settings } from "../settings.js";
import { systemClock } from "../system.js";
import {
  checkBlobs,
  checkClock,
  checkDataDir,
  checkDesk,
  checkExposure,
  checkKeys,
  checkNode,
  checkPort,
  type Finding,
} from "./doctor-checks.js";
import type { Terminal } from "./terminal.js";

/** What the composition root knows and doctor asks. Both throw OperatorError with the reason. */
export interface DoctorParts {
  /** The transport that would run, and why it is not the fastest if it is not. */
  readonly probeTransport: (settings: Settings) => Promise<{ readonly name: string; readonly warning?: string }>;
  /** Reads the host's token keys as a start would, and asks their server; answers where they come from. */
  readonly probeTokenKeys: (settings: Settings) => Promise<string | undefined>;
  /** Where the attachments of a data folder lie. */
  readonly blobFolder: (dataDir: string) => string;
}

/** Prints the findings; resolves with 0 if none is a failure, else 1. */
export async function doctor(readSettings: () => Settings, parts: DoctorParts, terminal: Terminal): Promise<0 | 1> {
  const findings = [checkNode(process.versions.node), ...(await examine(readSettings, parts))];
  for (const { level, topic, text } of findings) terminal.write(`${level.padEnd(5)} ${topic.padEnd(12)} ${text}\n`);
  const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length;
  const failures = count("fail");
  terminal.write(
    failures === 0
      ? `\nThis relay can run${count("warn") === 0 ? "" : `; ${count("warn")} of the lines above deserve a look`}.\n`
      : `\nThis relay cannot run well: ${failures} of the lines above must be mended.\n`,
  );
  return failures === 0 ? 0 : 1;
}

async function examine(readSettings: () => Settings, parts: DoctorParts): Promise<readonly Finding[]> {
  let settings: Settings;
  try {
    settings = readSettings();
  } catch (cause) {
    if (!(cause instanceof SettingsError)) throw cause;
    return cause.problems.map((text) => ({ level: "fail", topic: "settings", text }));
  }
  const keys = await checkKeys(settings);
  return [
    { level: "ok", topic: "settings", text: "complete and in range" },
    ...checkExposure(settings),
    checkClock(systemClock.now(), keys.installedMs),
    ...(await checkDataDir(settings)),
    ...(await checkBlobs(settings, parts.blobFolder(settings.dataDir))),
    keys.finding,
    ...(await checkTokenKeys(settings, parts)),
    checkDesk(settings),
    await checkTransport(settings, parts),
    await checkPort(settings),
  ];
}

async function checkTransport(settings: Settings, { probeTransport }: DoctorParts): Promise<Finding> {
  const topic = "transport";
  return orFailure(topic, async () => {
    const { name, warning } = await probeTransport(settings);
    return warning === undefined
      ? { level: "ok", topic, text: name }
      : { level: "warn", topic, text: `${name}: ${warning}` };
  });
}

async function checkTokenKeys(settings: Settings, { probeTokenKeys }: DoctorParts): Promise<readonly Finding[]> {
  const topic = "token keys";
  const finding = await orFailure(topic, async () => {
    const text = await probeTokenKeys(settings);
    return { level: "ok", topic, text: text ?? "none; development mode takes any user id" };
  });
  return [finding];
}

async function orFailure(topic: string, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    return { level: "fail", topic, text: cause.message };
  }
}
