/** `kill -9` of a relay at random moments under load: what it accepted must arrive, once, in order. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@sotto/sdk";
import { levelStore } from "@sotto/sdk/node";
import { eagerPlatform } from "./eager-platform.js";
import { RelayProcess } from "./relay-process.js";
import { type SeededRandom, seededRandom } from "./seeded-random.js";
import { Talk } from "./talk.js";
import { type Findings, together } from "./verdict.js";

/** How much, how often and how long. */
export interface RelayKillPlan {
  readonly rounds: number;
  /** In total, over all pairs and both directions. */
  readonly messages: number;
  /** Pairs of people who write to each other at once. */
  readonly pairs: number;
  readonly seed: number;
  /** The whole run fails when it takes longer. */
  readonly timeLimitMs: number;
  say(line: string): void;
}

/** What came of it. */
export interface RelayKillOutcome {
  readonly rounds: number;
  readonly messages: number;
  readonly findings: Findings;
  /** Everything else that must not happen: refusals, undecryptable items, lost receipts, complaints of the SDK. */
  readonly wrong: readonly string[];
  readonly elapsedMs: number;
}

/** Kills come after a random one of the first nine tenths of a round's acceptances, so that there is always load. */
const KILLED_WITHIN = 0.9;
/** Turns of the event loop by which a kill may come later, so that it does not always follow an acceptance. */
const MOST_TURNS = 40;

/** Runs the plan with a relay in its own process and its clients in this one. */
export async function killRelay(plan: RelayKillPlan): Promise<RelayKillOutcome> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-kill-"));
  const startedMs = performance.now();
  const relay = await RelayProcess.start(folder);
  const run = new Run(plan, folder, relay);
  const late = setTimeout(() => run.fail(`not done after ${plan.timeLimitMs} ms`), plan.timeLimitMs);
  try {
    await run.meet();
    for (let round = 1; round <= plan.rounds; round++) await run.round(round);
    await run.settle();
    return { ...(await run.outcome()), elapsedMs: performance.now() - startedMs };
  } catch (cause) {
    throw new Error(`the run broke off; the relay's last words:\n${relay.lastWords}`, { cause });
  } finally {
    clearTimeout(late);
    await run.close();
    await relay.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  private readonly random: SeededRandom;
  private readonly clients: Client[] = [];
  private readonly talks: Talk[] = [];
  private readonly wrong: string[] = [];
  private readonly waiting = new Set<() => void>();
  private accepted = 0;
  private failure: Error | undefined;

  constructor(
    private readonly plan: RelayKillPlan,
    private readonly folder: string,
    private readonly relay: RelayProcess,
  ) {
    this.random = seededRandom(plan.seed);
  }

  /** Registers everybody and opens the conversations. */
  async meet(): Promise<void> {
    for (let pair = 0; pair < this.plan.pairs; pair++) {
      const [one, other] = [`a${pair}`, `b${pair}`];
      const [alice, bob] = await Promise.all([this.client(one), this.client(other)]);
      const [toBob, toAlice] = await Promise.all([alice.openDM({ userId: other }), bob.openDM({ userId: one })]);
      const events = {
        accepted: () => {
          this.accepted += 1;
          this.look();
        },
        shown: () => this.look(),
        wrong: (what: string) => this.note(what),
      };
      this.talks.push(new Talk(one, toBob, toAlice, events), new Talk(other, toAlice, toBob, events));
    }
  }

  /** One life of the relay: load, a kill at a random moment, a new life. */
  async round(round: number): Promise<void> {
    const { rounds, messages, say } = this.plan;
    const share = Math.floor(messages / rounds);
    // The load is a round ahead, so that the relay never dies idle.
    this.allow(round === 1 ? share * 2 : round < rounds ? share : 0);
    const moment = this.accepted + 1 + this.random.below(Math.floor(share * KILLED_WITHIN));
    await this.until(() => this.accepted >= moment);
    for (let turns = this.random.below(MOST_TURNS); turns > 0; turns--) await new Promise(setImmediate);
    await this.relay.kill();
    say(`round ${round}: killed after ${this.accepted} accepted, with ${this.onTheirWay} on their way`);
    await this.relay.restart();
  }

  /** Waits until everything that was sent is accepted, shown and confirmed. */
  async settle(): Promise<void> {
    await this.until(() => this.talks.every(({ isDone }) => isDone));
    // What comes behind everything else shows that nothing was shown twice meanwhile.
    for (const talk of this.talks) talk.allow(1);
    await this.until(() => this.talks.every(({ isDone }) => isDone));
  }

  async outcome(): Promise<Omit<RelayKillOutcome, "elapsedMs">> {
    const findings = together(await Promise.all(this.talks.map((talk) => talk.findings())));
    const messages = this.talks.reduce((sum, { sent }) => sum + sent.length, 0);
    return { rounds: this.plan.rounds, messages, findings, wrong: this.wrong };
  }

  /** Ends the run: whoever waits rejects, with the state of every talk. */
  fail(why: string): void {
    const state = this.talks.map(
      ({ sent, accepted, delivered, shown }) =>
        `sent ${sent.length}, accepted ${accepted.size}, delivered ${delivered.size}, shown ${shown.length}`,
    );
    this.failure = new Error([why, ...this.wrong, ...state].join("\n"));
    this.look();
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private allow(count: number): void {
    for (const [index, talk] of this.talks.entries()) talk.allow(Math.floor((count + index) / this.talks.length));
  }

  private get onTheirWay(): number {
    return this.talks.reduce((sum, { sent, accepted }) => sum + sent.length - accepted.size, 0);
  }

  private async client(userId: string): Promise<Client> {
    const store = levelStore(join(this.folder, "clients", userId));
    const platform = eagerPlatform((event) => this.note(`${userId}: ${event}`));
    const client = await createClient(platform, {
      relay: this.relay.url,
      relayRoot: this.relay.rootFingerprint,
      userId,
      store,
    });
    client.addEventListener("gap", ({ missed }) => this.note(`${userId}: ${missed} cursors were skipped`));
    this.clients.push(client);
    return client;
  }

  private note(what: string): void {
    this.wrong.push(what);
    this.plan.say(`wrong: ${what}`);
  }

  private look(): void {
    for (const check of this.waiting) check();
  }

  private until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.failure === undefined && !holds()) return;
        this.waiting.delete(check);
        if (this.failure === undefined) resolve();
        else reject(this.failure);
      };
      this.waiting.add(check);
      check();
    });
  }
}
