/** The relay of a run, over any number of lives, and what memory it took in them. */

import { readFile } from "node:fs/promises";
import { RelayProcess } from "../crash/relay-process.js";

/** Enough for every file to be uploaded several times. */
const SETTINGS = { ATTACHMENT_QUOTA: "1024GiB" };

/** A relay that dies and comes back. */
export class RelayLife {
  isUp = true;
  /** Resident memory: the least that a life began with, and the most that one had. */
  readonly bytes = { first: Number.POSITIVE_INFINITY, peak: 0 };

  private constructor(private readonly relay: RelayProcess) {}

  /** Starts it with its data in a folder. */
  static async start(folder: string): Promise<RelayLife> {
    const life = new RelayLife(await RelayProcess.start(folder, undefined, SETTINGS));
    await life.measureFirst();
    return life;
  }

  get url(): string {
    return this.relay.url;
  }

  get rootFingerprint(): string {
    return this.relay.rootFingerprint;
  }

  /** `kill -9`; resolves when it is gone. */
  async die(): Promise<void> {
    this.isUp = false;
    this.bytes.peak = Math.max(this.bytes.peak, await memoryOf(this.relay.pid, "VmHWM"));
    await this.relay.kill();
  }

  /** Resolves when it takes connections again. */
  async comeBack(): Promise<void> {
    await this.relay.restart();
    await this.measureFirst();
    this.isUp = true;
  }

  private async measureFirst(): Promise<void> {
    this.bytes.first = Math.min(this.bytes.first, await memoryOf(this.relay.pid, "VmRSS"));
  }
}

/** A figure of a process's memory in bytes; 0 where the system does not tell it. */
async function memoryOf(pid: number | undefined, figure: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(new RegExp(`^${figure}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1_024;
}
