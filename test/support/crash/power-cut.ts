/** Power cuts of a relay under real clients: every write that was not synced is gone, and so is the process. */

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settingsFrom, startRelay } from "@sotto/relay";
import { type Client, createClient, type DirectConversation } from "@sotto/sdk";
import { levelStore as clientStore } from "@sotto/sdk/node";
import type { Durability } from "../../../server/store/engine.js";
import { levelEngine } from "../../../server/store/level/level-engine.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { recordingEngine } from "../../scenarios/power-loss/recording-engine.js";
import { freePort } from "../free-port.js";
import { befriend, silentLog } from "../world.js";
import { eagerPlatform } from "./eager-platform.js";
import type { SeededRandom } from "./seeded-random.js";
import { judge } from "./verdict.js";

/** Writes of the store before the power goes: a load of some dozen messages makes about as many. */
const MOST_WRITES = 24;
const LAST_WORDS = "the end";

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after() {
    throw new Error("a store sets no timers");
  },
};

/** How often the power goes, and what the store does about it. */
export interface PowerCutPlan {
  readonly cuts: number;
  /** What the store asks of the disk between the first start and the last. */
  readonly durability: Durability;
  readonly messagesPerCut: number;
  readonly random: SeededRandom;
}

/** What one recipient got. */
export interface PowerCutOutcome {
  readonly sent: number;
  /** Accepted by the protocol, and never shown to the recipient. */
  readonly acceptedAndLost: readonly string[];
  /** Everything that was shown, against everything that was sent. */
  readonly findings: ReturnType<typeof judge>;
}

/** Cuts the power while somebody writes to one who listens and to one who is away; answers what the two got. */
export async function cutPower(plan: PowerCutPlan): Promise<Readonly<Record<"listening" | "away", PowerCutOutcome>>> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-cut-"));
  const run = new Run(plan, folder, await freePort());
  try {
    return await run.all();
  } finally {
    await run.close();
    await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  private readonly clients: Client[] = [];
  private generation = 0;

  constructor(
    private readonly plan: PowerCutPlan,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  async all() {
    const calm = await this.startCalm();
    const [writer, listening, away] = await Promise.all([
      this.client("writer"),
      this.client("listening"),
      this.client("away"),
    ]);
    const { toBob: toListening } = await befriend(writer, listening);
    const { toBob: toAway } = await befriend(writer, away);
    await Promise.all([toListening.send({ text: "first" }).delivered, toAway.send({ text: "first" }).delivered]);
    await away.close();
    await calm.close();

    const letters = [new Letters(toListening), new Letters(toAway)] as const;
    for (let cut = 0; cut < this.plan.cuts; cut++) {
      // What was being written when the power went may be there afterwards or not; the disk has to be right both ways.
      await this.cutOnce(letters, cut % 3 === 2 ? "writesInFlight" : "onlyAnswered");
    }

    const after = await this.startCalm();
    for (const one of letters) await one.end();
    const again = await this.client("away");
    const outcome = {
      listening: await letters[0].outcome(await listening.openDM({ accountId: writer.accountId })),
      away: await letters[1].outcome(await again.openDM({ accountId: writer.accountId })),
    };
    await this.close();
    await after.close();
    return outcome;
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** A relay that lives until the power goes; what survives is the folder of the next. */
  private async cutOnce(letters: readonly Letters[], survives: "writesInFlight" | "onlyAnswered"): Promise<void> {
    const { durability, messagesPerCut, random } = this.plan;
    const before = this.storeFolder;
    this.generation += 1;
    await cp(before, this.storeFolder, { recursive: true });
    const engine = recordingEngine(levelEngine(before));
    let failed = () => {};
    const powerWent = new Promise<void>((resolve) => {
      failed = resolve;
    });
    const relay = await startRelay({
      settings: this.settings(),
      log: silentLog,
      store: orderedStore({ engine, clock, durability }),
      onFatal: () => failed(),
    });
    for (const one of letters) one.write(messagesPerCut);
    engine.loseWrite(3 + random.below(MOST_WRITES));
    await powerWent;
    await relay.close().catch(() => undefined); // its store has failed
    await engine.restoreInto(levelEngine(this.storeFolder), survives);
  }

  private startCalm() {
    const store = orderedStore({ engine: levelEngine(this.storeFolder), clock, durability: "synced" });
    return startRelay({ settings: this.settings(), log: silentLog, store });
  }

  private settings() {
    const dataDir = join(this.folder, "relay");
    return settingsFrom({ development: true, limiterScale: 1_000, drainTimeout: 1_000, dataDir, port: this.port });
  }

  private get storeFolder(): string {
    return join(this.folder, `store-${this.generation}`);
  }

  private async client(userId: string): Promise<Client> {
    const client = await createClient(eagerPlatform(), {
      relay: `http://localhost:${this.port}`,
      userId,
      store: clientStore(join(this.folder, "clients", userId)),
    });
    this.clients.push(client);
    return client;
  }
}

/** What one person writes to another, and what the relay said to it. */
class Letters {
  private readonly sent = ["first"];
  private readonly accepted = new Set(this.sent);
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly conversation: DirectConversation) {}

  write(count: number): void {
    for (let written = 0; written < count; written++) this.say(String(this.sent.length));
  }

  /** Resolves when everything, and the last words behind it, was accepted. */
  async end(): Promise<void> {
    this.say(LAST_WORDS);
    await this.last;
  }

  /** What the recipient was shown up to the last words. */
  async outcome(conversation: DirectConversation): Promise<PowerCutOutcome> {
    const shown: string[] = [];
    for await (const item of conversation.messages()) {
      if (item.direction === "sent") continue;
      shown.push(item.kind === "text" ? item.text : item.kind);
      if (shown.at(-1) === LAST_WORDS) break;
    }
    const acceptedAndLost = [...this.accepted].filter((text) => !shown.includes(text));
    return { sent: this.sent.length, acceptedAndLost, findings: judge(this.sent, shown) };
  }

  private say(text: string): void {
    this.sent.push(text);
    const { accepted } = this.conversation.send({ text });
    this.last = accepted.then(() => this.accepted.add(text));
  }
}
