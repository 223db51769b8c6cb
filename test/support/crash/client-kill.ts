/** SIGKILL of a client at the worst moments: what it sent and received must be there once, in order, readable. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Client, createClient, type DirectConversation } from "@sotto/sdk";
import { levelStore } from "@sotto/sdk/node";
import { program } from "../programs/program.js";
import { befriend, World } from "../world.js";
import { CarefulApp } from "./careful-app.js";
import { Conditions } from "./conditions.js";
import { eagerPlatform } from "./eager-platform.js";
import type { KillPoint } from "./kill-point.js";
import { type Findings, judge, together } from "./verdict.js";

const CHILD = fileURLToPath(new URL("./client-child.ts", import.meta.url));
const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const VICTIM = "victim";
const PEER = "peer";
/** Places looked at for the status of messages. */
const LOOK_BACK = 1_000;

/** What one life of the victim is told. */
export interface ClientLife {
  readonly relay: string;
  readonly relayRoot: string;
  readonly folder: string;
  readonly journal: string;
  readonly userId: string;
  readonly peer: string;
  readonly sendUpTo: number;
  readonly killPoint: KillPoint | undefined;
}

/** How a life ends: by its own hand at a point, or from outside once it was shown so many items. */
export type Death = KillPoint | { readonly at: "anyMoment"; readonly afterShown: number };

/** The deaths of one client, one after the other. */
export interface ClientKillPlan {
  readonly deaths: readonly Death[];
  /** Messages each way in every life, and after the last. */
  readonly messagesPerLife: number;
  readonly timeLimitMs: number;
}

/** What came of them. */
export interface ClientKillOutcome {
  readonly messages: number;
  readonly findings: Findings;
  readonly wrong: readonly string[];
}

/** Kills one client again and again while it talks, and judges what both sides were shown. */
export async function killClient(plan: ClientKillPlan): Promise<ClientKillOutcome> {
  const world = await World.open();
  const folder = await mkdtemp(join(tmpdir(), "sotto-victim-"));
  const run = new Run(plan, world, folder);
  const late = setTimeout(() => run.fail(`not done after ${plan.timeLimitMs} ms`), plan.timeLimitMs);
  try {
    return await run.all();
  } finally {
    clearTimeout(late);
    await run.close();
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  private readonly conditions = new Conditions();
  private readonly wrong: string[] = [];
  private readonly clients: Client[] = [];
  private relayRoot = "";
  private child: ChildProcess | undefined;
  /** What the peer sent and was confirmed, and what it was shown. */
  private readonly sent: string[] = [];
  private confirmed = 0;
  private readonly shown: string[] = [];

  constructor(
    private readonly plan: ClientKillPlan,
    private readonly world: World,
    private readonly folder: string,
  ) {}

  async all(): Promise<ClientKillOutcome> {
    const { deaths, messagesPerLife } = this.plan;
    this.relayRoot = this.world.running.rootFingerprint;
    const [victim, peer] = [await this.open(VICTIM), await this.open(PEER)];
    const { toAlice: toVictim } = await befriend(victim, peer, { userId: PEER }, { userId: VICTIM });
    await victim.close();
    this.watch(toVictim).catch((error: unknown) => this.fail(`the peer reads no more: ${error}`));

    let sendUpTo = 0;
    for (const death of deaths) {
      sendUpTo += messagesPerLife;
      this.say(toVictim, messagesPerLife);
      await this.live(death, sendUpTo);
    }
    sendUpTo += messagesPerLife;
    this.say(toVictim, messagesPerLife);
    return this.lastLife(sendUpTo);
  }

  /** Why the run ends before its time, with where it stands. */
  fail(why: string): void {
    const state = `peer: sent ${this.sent.length}, confirmed ${this.confirmed}, shown ${this.shown.length}`;
    this.conditions.fail(new Error([why, state, ...this.wrong].join("\n")));
  }

  async close(): Promise<void> {
    this.child?.kill("SIGKILL");
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** One life in a process of its own. */
  private async live(death: Death, sendUpTo: number): Promise<void> {
    const life: ClientLife = {
      relay: this.world.url,
      relayRoot: this.relayRoot,
      folder: this.store(VICTIM),
      journal: this.journal,
      userId: VICTIM,
      peer: PEER,
      sendUpTo,
      killPoint: death.at === "anyMoment" ? undefined : death,
    };
    const args = [...program(CHILD), JSON.stringify(life)];
    const child = spawn(process.execPath, args, { cwd: REPOSITORY, stdio: ["ignore", "pipe", "inherit"] });
    this.child = child;
    let shown = 0;
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "shown") shown += 1;
      if (death.at === "anyMoment" && shown === death.afterShown) child.kill("SIGKILL");
    });
    let end: readonly [number | null, NodeJS.Signals | null] | undefined;
    child.once("close", (code, signal) => {
      end = [code, signal];
      this.conditions.look();
    });
    await this.conditions.until(() => end !== undefined);
    if (end?.[1] !== "SIGKILL") this.wrong.push(`a life ended with ${end?.[0]} instead of a kill`);
  }

  /** The life that is not killed, in this process, so that its end can be waited for. */
  private async lastLife(sendUpTo: number): Promise<ClientKillOutcome> {
    const victim = await this.open(VICTIM);
    const toPeer = await victim.openDM({ userId: PEER });
    const app = new CarefulApp(toPeer, this.journal, VICTIM, {
      shown: () => this.conditions.look(),
      failed: (error) => this.wrong.push(`refused: ${error}`),
    });
    const ended = app.read();
    await app.sendUpTo(sendUpTo);
    const wordsOf = (direction: "sent" | "received") =>
      app.shown.filter((item) => item.direction === direction).map(({ words }) => words);
    const isAllThere = () =>
      this.shown.length >= sendUpTo &&
      this.confirmed === this.sent.length &&
      wordsOf("sent").length >= sendUpTo &&
      wordsOf("received").length >= this.sent.length;
    await this.conditions.until(isAllThere);
    await this.untilDelivered(toPeer);
    await victim.close();
    await ended;
    app.close();

    const own = Array.from({ length: sendUpTo }, (_, number) => `${VICTIM} ${number}`);
    const findings = together([
      judge(own, this.shown),
      judge(own, wordsOf("sent")),
      judge(this.sent, wordsOf("received")),
    ]);
    return { messages: this.sent.length + sendUpTo, findings, wrong: this.wrong };
  }

  /** Receipts still flow: every message of the victim ends as delivered. */
  private async untilDelivered(conversation: DirectConversation): Promise<void> {
    let waiting = 1;
    const check = async () => {
      const items = await conversation.latest(LOOK_BACK);
      waiting = items.filter(
        (item) => item.kind === "text" && item.direction === "sent" && item.status !== "delivered",
      ).length;
      this.conditions.look();
    };
    conversation.addEventListener("receipt", () => void check().catch((error: unknown) => this.fail(String(error))));
    await check();
    await this.conditions.until(() => waiting === 0);
  }

  private say(conversation: DirectConversation, count: number): void {
    for (let said = 0; said < count; said++) {
      const text = `${PEER} ${this.sent.length}`;
      this.sent.push(text);
      conversation.send({ text }).delivered.then(
        () => {
          this.confirmed += 1;
          this.conditions.look();
        },
        (error: unknown) => this.wrong.push(`${text} was refused: ${error}`),
      );
    }
  }

  private async watch(conversation: DirectConversation): Promise<void> {
    for await (const item of conversation.messages()) {
      if (item.direction === "sent") continue;
      this.shown.push(item.kind === "text" ? item.text : item.kind);
      this.conditions.look();
    }
  }

  private async open(userId: string): Promise<Client> {
    const platform = eagerPlatform((event) => this.wrong.push(`${userId}: ${event}`));
    const store = levelStore(this.store(userId));
    const { relayRoot } = this;
    const client = await createClient(platform, { relay: this.world.url, relayRoot, userId, store });
    this.clients.push(client);
    return client;
  }

  private store(userId: string): string {
    return join(this.folder, userId);
  }

  private get journal(): string {
    return join(this.folder, "journal");
  }
}
