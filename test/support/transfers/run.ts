/** Uploads and downloads while their clients and their relay are killed: everything arrives, and nothing stays behind. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Conditions } from "../crash/conditions.js";
import { type SeededRandom, seededRandom } from "../crash/seeded-random.js";
import { ClientProcess } from "./client-process.js";
import type { Growth } from "./growth.js";
import { changeBehindBack, compare, type JudgedFile, makeFiles } from "./judged-files.js";
import type { FromClient } from "./lines.js";
import { Nonces } from "./nonces.js";
import { judgeLeftovers, type TransferOutcome } from "./outcome.js";
import type { PlannedDeath, PlannedFile } from "./plan.js";
import { RelayLife } from "./relay-life.js";

/** How many clients there are: each uploads half of the files and downloads the other half. */
export const CLIENTS = 2;
/** Of a dead client's unfinished sources on disk, every so many-th has other bytes in the next life. */
const CHANGED = 6;

/** What is transferred, and who dies when. */
export interface TransferPlan {
  readonly files: readonly PlannedFile[];
  readonly deaths: readonly PlannedDeath[];
  readonly seed: number;
  /** The whole run fails when it takes longer. */
  readonly timeLimitMs: number;
  say(line: string): void;
}

/** Runs a plan, with a relay and clients in processes of their own. */
export async function runTransfers(plan: TransferPlan): Promise<TransferOutcome> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-transfers-"));
  const run = new Run(plan, folder);
  const late = setTimeout(() => run.fail(`not done after ${plan.timeLimitMs} ms`), plan.timeLimitMs);
  try {
    return await run.all();
  } finally {
    clearTimeout(late);
    await run.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface RunningClient {
  readonly process: ClientProcess;
  readonly store: string;
  /** Where it saves what it downloads. */
  readonly got: string;
  state: "starting" | "ready" | "dead" | "ended";
}

class Run {
  private readonly random: SeededRandom;
  private readonly conditions = new Conditions();
  private readonly counts = { killed: 0, cut: 0, wentOn: 0 };
  private readonly nonces = new Nonces();
  private readonly wrong: string[] = [];
  private readonly clients: RunningClient[] = [];
  private files: readonly JudgedFile[] = [];
  private relay: RelayLife | undefined;
  private signs = 0;
  private changed = 0;
  private growth: Growth = { taken: 0, held: 0 };
  private readonly note = (what: string) => {
    this.wrong.push(what);
    this.plan.say(`wrong: ${what}`);
  };

  constructor(
    private readonly plan: TransferPlan,
    private readonly folder: string,
  ) {
    this.random = seededRandom(plan.seed);
  }

  async all(): Promise<TransferOutcome> {
    const startedMs = performance.now();
    const { plan, folder, counts, note } = this;
    this.files = await makeFiles({ seed: plan.seed, folder, counts, wrong: note }, plan.files);
    const relay = await RelayLife.start(folder);
    this.relay = relay;
    for (let number = 0; number < CLIENTS; number++) this.clients.push(await this.client(number, relay));
    for (const client of this.clients) client.process.start();
    for (const [index, death] of plan.deaths.entries()) await this.death(death, relay, index + 1);
    await this.conditions.until(() => this.isAllUp && this.files.every(({ isCompared }) => isCompared));
    for (const { process } of this.clients) process.tell({ kind: "end" });
    await this.conditions.until(() => this.clients.every(({ state }) => state === "ended"));
    await Promise.all(this.clients.map(({ process }) => process.gone));
    await relay.die();
    const left = await judgeLeftovers(
      {
        stores: this.clients.map(({ store }) => store),
        blobFolder: join(folder, "relay", "blobs"),
        files: this.files,
        changed: this.changed,
      },
      note,
    );
    return {
      ...{ ...counts, ...left, changed: this.changed, wrong: this.wrong },
      ...{ bytes: this.totalBytes, deaths: plan.deaths.length, elapsedMs: performance.now() - startedMs },
      ...{ sealedChunks: this.nonces.left, repeatedChunks: this.nonces.repeated },
      ...{ clientGrowth: this.growth, relayBytes: relay.bytes },
    };
  }

  /** Why the run ends before its time, with where it stands. */
  fail(why: string): void {
    const waiting = this.files.filter(({ isCompared }) => !isCompared);
    const files = waiting.map(
      ({ task: { file, sizeBytes, source }, up, down }) =>
        `${file} (${sizeBytes}, ${source}): ${up.movedBytes} up, ${down.movedBytes} down`,
    );
    const clients = this.clients.map(({ state }) => state).join(", ");
    this.conditions.fail(new Error([why, `clients: ${clients}`, ...this.wrong, ...files].join("\n")));
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map(({ process }) => process.kill()));
    if (this.relay?.isUp) await this.relay.die();
  }

  /** Waits for its moment, and lets somebody die and come back. */
  private async death({ victim, atShare, signsLater }: PlannedDeath, relay: RelayLife, number: number): Promise<void> {
    const { conditions, totalBytes } = this;
    const client = victim === "relay" ? undefined : this.clients[victim];
    const isUp = () => (client === undefined ? relay.isUp : client.state === "ready");
    await conditions.until(() => isUp() && (this.movedBytes >= atShare * 2 * totalBytes || this.isAllDone));
    const signs = this.signs + signsLater;
    await conditions.until(() => this.signs >= signs || this.isAllDone);
    const moved = Math.round((50 * this.movedBytes) / Math.max(1, totalBytes));
    this.plan.say(`death ${number}: ${client === undefined ? "the relay" : `client ${victim}`}, at ${moved} %`);
    if (client !== undefined) return this.clientDies(client);
    await relay.die();
    relay.comeBack().then(
      () => conditions.look(),
      (error: unknown) => this.fail(`the relay does not come back: ${error}`),
    );
  }

  private async clientDies(client: RunningClient): Promise<void> {
    client.state = "dead";
    await client.process.kill();
    for (const judged of this.files) {
      const { task, up, down } = judged;
      const course = this.isUploader(client, judged) ? up : down;
      course.dies();
      const isUnderway = course === up && !up.isDone && up.movedBytes > 0;
      if (!isUnderway || task.source !== "path" || this.random.below(CHANGED) > 0) continue;
      await changeBehindBack(judged);
      this.changed += 1;
    }
    client.state = "starting";
    client.process.start();
  }

  private async client(number: number, { url, rootFingerprint }: RelayLife): Promise<RunningClient> {
    const [store, got] = [join(this.folder, `client-${number}`), join(this.folder, `got-${number}`)];
    await mkdir(got);
    const life = { relay: url, relayRoot: rootFingerprint, userId: `client-${number}`, store };
    const process = new ClientProcess(life, {
      told: (line) => {
        this.signs += 1;
        this.told(client, line);
        this.conditions.look();
      },
      gone: (how) => {
        if (client.state !== "dead" && client.state !== "ended") this.fail(`client ${number} ended with ${how}`);
      },
    });
    const client: RunningClient = { process, store, got, state: "starting" };
    return client;
  }

  private told(client: RunningClient, line: FromClient): void {
    switch (line.kind) {
      case "ready":
        client.state = "ready";
        for (const judged of this.files) this.assign(client, judged);
        break;
      case "moved":
        this.file(line.file)[line.way].reports(line.bytes);
        break;
      case "asked":
        this.file(line.file)[line.way].asks(line);
        break;
      case "sealed":
        for (const what of this.nonces.take(line.upload, line.tags))
          this.note(`two plaintexts under one nonce: ${what}`);
        break;
      case "uploaded": {
        const judged = this.file(line.file);
        judged.up.done();
        judged.reference = line.reference;
        for (const other of this.clients) if (other !== client) this.assign(other, judged);
        break;
      }
      case "downloaded":
        this.file(line.file).down.done();
        compare(this.file(line.file), this.pathOf(client, line.file), this.note).then(
          () => this.conditions.look(),
          (error: unknown) => this.fail(`what came is not there: ${error}`),
        );
        break;
      case "grown":
        this.growth = { taken: Math.max(this.growth.taken, line.taken), held: Math.max(this.growth.held, line.held) };
        break;
      case "wrong":
        this.note(`a client: ${line.what}`);
        break;
      case "ended":
        if (line.pending > 0) this.note(`a client has ${line.pending} unfinished uploads`);
        client.state = "ended";
        break;
      default:
        line satisfies never;
    }
  }

  /** Tells a client what it has to do with a file, if anything. */
  private assign(client: RunningClient, judged: JudgedFile): void {
    const { task, reference, up, down } = judged;
    if (client.state !== "ready") return;
    if (this.isUploader(client, judged)) {
      if (!up.isDone) client.process.tell({ kind: "upload", task });
    } else if (reference !== undefined && !down.isDone) {
      client.process.tell({ kind: "download", file: task.file, reference, path: this.pathOf(client, task.file) });
    }
  }

  private get isAllUp(): boolean {
    return this.relay?.isUp === true && this.clients.every(({ state }) => state === "ready");
  }

  private get isAllDone(): boolean {
    return this.files.every(({ down }) => down.isDone);
  }

  private get movedBytes(): number {
    return this.files.reduce((sum, { up, down }) => sum + up.movedBytes + down.movedBytes, 0);
  }

  private get totalBytes(): number {
    return this.files.reduce((sum, { task }) => sum + task.sizeBytes, 0);
  }

  private isUploader(client: RunningClient, { task }: JudgedFile): boolean {
    return this.clients[task.file % CLIENTS] === client;
  }

  private pathOf({ got }: RunningClient, file: number): string {
    return join(got, `${file}`);
  }

  private file(number: number): JudgedFile {
    const judged = this.files[number];
    if (judged === undefined) throw new RangeError(`there is no file ${number}`);
    return judged;
  }
}
