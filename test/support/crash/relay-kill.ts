/** `kill -9` of a relay at random moments under load: what it accepted must arrive, once, in order. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient, type DirectConversation } from "@sotto/sdk";
import { levelStore } from "@sotto/sdk/node";
import { befriend } from "../world.js";
import { Conditions } from "./conditions.js";
import { eagerPlatform } from "./eager-platform.js";
import { RelayProcess } from "./relay-process.js";
import { type SeededRandom, seededRandom } from "./seeded-random.js";
import { Talk } from "./talk.js";
import { type Findings, together } from "./verdict.js";

/** How much, how often and how long. */
export interface RelayKillPlan {
  readonly rounds: number;
  /** In total, over all groups and directions. */
  readonly messages: number;
  /** Groups of three who write at once: two to each other, and one of them to the third, who is away until the end. */
  readonly groups: number;
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

/** What the SDK says when a dead relay or its own end cut an upload of keys short; it makes up for it by itself. */
const CUT_SHORT = "prekeys not published";
/** Kills come before this part of the messages was accepted, so that there is always load. */
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
    for (const [index, moment] of run.begin().entries()) await run.round(index + 1, moment);
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
  private readonly away: (() => Promise<void>)[] = [];
  private readonly wrong: string[] = [];
  private readonly conditions = new Conditions();
  private accepted = 0;

  constructor(
    private readonly plan: RelayKillPlan,
    private readonly folder: string,
    private readonly relay: RelayProcess,
  ) {
    this.random = seededRandom(plan.seed);
  }

  /** Registers everybody and opens the conversations. Of three people two talk, and one writes to the third, who is away. */
  async meet(): Promise<void> {
    for (let group = 0; group < this.plan.groups; group++) {
      const [one, other, third] = [`a${group}`, `b${group}`, `c${group}`];
      const [alice, bob, carol] = await Promise.all([this.client(one), this.client(other), this.client(third)]);
      const { toBob, toAlice } = await befriend(alice, bob);
      const { toBob: toCarol } = await befriend(alice, carol, { userId: third }, { userId: one });
      await carol.close();
      const [there, back, away] = [toBob, toAlice, toCarol].map((from) => this.talk(from));
      there?.show(toAlice);
      back?.show(toBob);
      this.away.push(async () => {
        const returned = await this.client(third);
        away?.show(await returned.openDM({ userId: one }));
      });
    }
  }

  /** Puts the whole load on; the kills come after these numbers of acceptances. */
  begin(): readonly number[] {
    const { rounds, messages } = this.plan;
    for (const [index, talk] of this.talks.entries()) talk.allow(Math.floor((messages + index) / this.talks.length));
    const latest = Math.floor(messages * KILLED_WITHIN);
    return Array.from({ length: rounds }, () => this.random.below(latest)).sort((one, other) => one - other);
  }

  /** One life of the relay: load, a kill at a random moment, a new life. */
  async round(round: number, moment: number): Promise<void> {
    await this.conditions.until(() => this.accepted >= moment);
    for (let turns = this.random.below(MOST_TURNS); turns > 0; turns--) await new Promise(setImmediate);
    await this.relay.kill();
    this.plan.say(`round ${round}: killed after ${this.accepted} accepted, with ${this.onTheirWay} on their way`);
    await this.relay.restart();
  }

  /** Waits until everything that was sent is accepted, shown and confirmed. */
  async settle(): Promise<void> {
    // Those who were away come only now: what a dead relay had only pushed, and not kept, nobody saw before.
    await this.conditions.until(() => this.talks.every(({ isAccepted }) => isAccepted));
    await Promise.all(this.away.map((come) => come()));
    await this.conditions.until(() => this.talks.every(({ isDone }) => isDone));
    // What comes behind everything else shows that nothing was shown twice meanwhile.
    for (const talk of this.talks) talk.allow(1);
    await this.conditions.until(() => this.talks.every(({ isDone }) => isDone));
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
    this.conditions.fail(new Error([why, ...this.wrong, ...state].join("\n")));
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private talk(from: DirectConversation): Talk {
    const talk = new Talk(`talk ${this.talks.length}:`, from, {
      accepted: () => {
        this.accepted += 1;
        this.conditions.look();
      },
      shown: () => this.conditions.look(),
      wrong: (what) => this.note(what),
    });
    this.talks.push(talk);
    return talk;
  }

  private get onTheirWay(): number {
    return this.talks.reduce((sum, { sent, accepted }) => sum + sent.length - accepted.size, 0);
  }

  private async client(userId: string): Promise<Client> {
    const store = levelStore(join(this.folder, "clients", userId));
    const platform = eagerPlatform((event) => {
      if (!event.startsWith(CUT_SHORT)) this.note(`${userId}: ${event}`);
    });
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
}
