/** One person of a group over all lives of its client: opened, closed, crashed, cut off; answers invitations by itself. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import { type Client, createClient, type Group, type GroupInvitation } from "@sotto/sdk";
import { type Deferred, deferred } from "../../../sdk/core/deferred.js";
import type { KeyWatch } from "../chaos/key-watch.js";
import { Life } from "../chaos/life.js";
import { pause, within } from "../chaos/patience.js";
import { nameOf, type Person } from "./events.js";
import type { Ledger } from "./ledger.js";
import type { Traffic } from "./traffic.js";
import { emptyView, type View, viewOf } from "./view.js";

/** A client may take this long to open or to close. */
const STEP_MS = 20_000;
/** An answer that found no relay is given again so long after. */
const ANSWER_AGAIN_MS = 50;
/** An invitation without a log to read is given up after so many tries: it may have been taken back. */
const MAX_BUSY = 40;

/** What the people of one run share. */
export interface Common {
  readonly relay: string;
  readonly folder: string;
  readonly watch: KeyWatch;
  readonly traffic: Traffic;
  readonly ledger: Ledger;
  /** The event that is being played. */
  at(): number;
  /** A frame passed that is no heartbeat. */
  moved(): void;
  /** Something is wrong, whatever the end shows. */
  wrong(what: string): void;
}

interface Running {
  readonly life: Life;
  readonly client: Client;
  /** Invitations being answered. */
  answering: number;
  /** Resolves with its end: of what a crashed client was asked nobody hears any more. */
  readonly over: Deferred<void>;
}

/** A person. */
export class GroupPerson {
  /** What it does with the next invitation it meets. */
  answer: "accept" | "decline" = "accept";
  private running: Running | undefined;
  private net: "up" | "cut" = "up";
  private isEnding = false;
  private id: AccountId | undefined;

  constructor(
    private readonly common: Common,
    readonly person: Person,
  ) {}

  get name(): string {
    return nameOf(this.person);
  }

  /** Its account, once it was registered. */
  get account(): AccountId {
    if (this.id === undefined) throw new Error(`${this.name} was never registered`);
    return this.id;
  }

  /** Its client, while it runs. */
  get client(): Client | undefined {
    return this.running?.client;
  }

  /** Resolves when the present life is over. */
  get over(): Promise<void> {
    return this.running?.over.promise ?? Promise.resolve();
  }

  /** Begins a life, the first or another one. */
  async open(): Promise<void> {
    if (this.running !== undefined) return;
    const { common, name } = this;
    const { watch, moved, traffic } = common;
    const warned = (event: string) => {
      if (!event.startsWith("trusting the ")) common.wrong(`${name}: ${event}`);
    };
    const life = new Life({ folder: `${common.folder}/${name}`, watch, moved, warned, accepted: () => undefined });
    const { platform } = life;
    const overheard = {
      ...platform,
      engine: async () => traffic.engine(await platform.engine()),
      dial: traffic.dial(platform.dial),
    };
    this.net = "up";
    this.isEnding = false;
    const options = { relay: common.relay, userId: name, store: life.choice };
    const client = await within(STEP_MS, `${name} opens`, createClient(overheard, options));
    this.running = { life, client, answering: 0, over: deferred() };
    this.id = client.accountId;
    this.listen(this.running);
  }

  /** Closes as an app should. Idempotent. */
  async close(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.isEnding = true;
    this.running = undefined;
    await within(STEP_MS, `${this.name} closes`, running.client.close());
    running.life.die();
    running.over.resolve();
  }

  /** Ends without a word: what is not on disk is gone. */
  async crash(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.isEnding = true;
    this.running = undefined;
    running.life.die();
    running.over.resolve();
    await within(STEP_MS, `the disk of ${this.name} comes to rest`, running.life.store.bury());
  }

  cut(): void {
    this.net = "cut";
    this.running?.life.cut();
  }

  rejoin(): void {
    this.net = "up";
    this.running?.life.rejoin();
  }

  /** The group as it sees it; nothing while it is off, or has nothing to do with it. */
  async group(id: ConversationId): Promise<Group | undefined> {
    return this.running?.client.groups.get(id);
  }

  /** All it sees of the group. */
  async view(id: ConversationId): Promise<View> {
    const group = await this.group(id);
    return group === undefined ? emptyView(this.person, this.account) : viewOf(this.person, this.account, group);
  }

  /** What its client counted since it was opened, in one line. */
  async counts(): Promise<string> {
    const bundle = await this.running?.client.debugBundle();
    return `  ${this.name} counted ${JSON.stringify(bundle?.counts)}`;
  }

  /** What of it still moves, in words; nothing if it rests. */
  async unrest(): Promise<string | undefined> {
    const { running } = this;
    if (running === undefined || this.net === "cut") return undefined;
    const { client, life, answering } = running;
    if (client.state !== "ready") return `${this.name} is ${client.state}`;
    if (answering > 0) return `${this.name} answers an invitation`;
    const { outboxSize } = await client.debugBundle();
    if (outboxSize > 0) return `${this.name} has ${outboxSize} in its outbox`;
    return life.isDrained ? undefined : `${this.name} has mail it did not acknowledge`;
  }

  private listen(running: Running): void {
    const { wrong } = this.common;
    const { client } = running;
    client.addEventListener("state", ({ state, reason }) => {
      if (state === "closed" && !this.isEnding) wrong(`${this.name} ended: ${reason?.code}, ${reason?.cause}`);
      if (state === "revoked") wrong(`${this.name} was turned away: ${reason?.code}`);
    });
    client.addEventListener("fork", () => wrong(`${this.name} met a fork`));
    client.addEventListener("gap", ({ missed, group }) => wrong(`${this.name} met a gap: ${missed}, ${group?.id}`));
    void this.answerEverybody(running);
  }

  private async answerEverybody(running: Running): Promise<void> {
    try {
      for await (const invitation of running.client.invitations()) {
        running.answering += 1;
        await this.answerOne(invitation, running).finally(() => {
          running.answering -= 1;
        });
      }
    } catch (error) {
      if (this.running === running) this.common.wrong(`${this.name} answers nobody any more: ${error}`);
    }
  }

  /** Again and again for a while, as a person would who wants to come, or until its client ends. */
  private async answerOne(invitation: GroupInvitation, running: Running): Promise<void> {
    const { ledger, at } = this.common;
    const { answer, person } = this;
    for (let busy = 0; this.running === running && busy < MAX_BUSY; ) {
      const answered = answer === "accept" ? invitation.accept() : invitation.decline();
      const outcome = await ledger.did({ kind: answer, by: person }, at(), answered);
      const code = outcome.state === "failed" ? outcome.code : undefined;
      if (code === "busy") busy += 1;
      else if (code !== "offline" && code !== "timeout") return;
      await pause(ANSWER_AGAIN_MS);
    }
  }
}
