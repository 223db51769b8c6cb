/** One group's people at a relay in a process of its own, to whom the events of a schedule happen. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountId, ConversationId } from "@sotto/protocol";
import type { Group } from "@sotto/sdk";
import { KeyWatch } from "../chaos/key-watch.js";
import { pause, within } from "../chaos/patience.js";
import { Movement, untilQuiet } from "../chaos/quiet.js";
import { RelayProcess } from "../crash/relay-process.js";
import { type Act, type GroupEvent, inWords, nameOf, type Person } from "./events.js";
import { type Common, GroupPerson } from "./group-person.js";
import { Ledger } from "./ledger.js";
import type { Cast } from "./schedule.js";
import { Traffic } from "./traffic.js";
import type { Observed } from "./verdict.js";
import type { View } from "./view.js";

/** One event may take this long, and what it set going this long until the end. */
const EVENT_MS = 30_000;
const STRAGGLERS_MS = 60_000;
/** After a saying or a deed so long passes, so that most of it is done and some piles up. */
const BREATH_MS = 60;
/** Deeds and sayings on their way at once. */
const MAX_ON_THEIR_WAY = 24;
/** People who register, or come back, at once. */
const AT_ONCE = 8;
const FORMING_MS = 90_000;
const LOOK_MS = 50;

/** The world of one run. */
export class GroupWorld {
  readonly ledger = new Ledger();
  readonly traffic = new Traffic();
  readonly watch = new KeyWatch();
  readonly movement = new Movement();
  /** What was wrong at once. */
  readonly wrong: string[] = [];
  private readonly people: readonly GroupPerson[];
  private readonly onTheirWay = new Set<Promise<unknown>>();
  private restarting: Promise<void> = Promise.resolve();
  private at = 0;
  private groupId: ConversationId | undefined;

  private constructor(
    private readonly folder: string,
    private readonly relay: RelayProcess,
    cast: Cast,
  ) {
    const { watch, traffic, ledger, movement, wrong } = this;
    const common: Common = {
      ...{ relay: relay.url, folder: join(folder, "people"), watch, traffic, ledger },
      at: () => this.at,
      moved: movement.moved,
      wrong: (what) => wrong.push(what),
    };
    this.people = Array.from({ length: cast.people }, (_, person) => new GroupPerson(common, person));
  }

  /** A relay, everybody registered, and the group of those who begin it. */
  static async open(cast: Cast): Promise<GroupWorld> {
    const folder = await mkdtemp(join(tmpdir(), "sotto-group-chaos-"));
    const world = new GroupWorld(folder, await RelayProcess.start(folder), cast);
    try {
      await world.inTurns(world.people, (person) => person.open());
      await world.form(cast.founding);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /** Plays one event. `skipped` if whom it is about is off, or knows of no group. */
  async play(event: GroupEvent, at: number): Promise<"played" | "skipped"> {
    this.at = at;
    try {
      return await within(EVENT_MS, `event ${at}`, this.happen(event));
    } catch (error) {
      this.wrong.push(`event ${at} (${inWords(event)}): ${error instanceof Error ? error.stack : error}`);
      return "played";
    }
  }

  /** The relay runs, everybody is online, and all that was begun is done. */
  async gather(): Promise<void> {
    await this.restarting;
    for (const person of this.people) person.rejoin();
    await this.inTurns(this.people, (person) => person.open());
    await within(STRAGGLERS_MS, "what is on its way", Promise.all(this.onTheirWay));
  }

  /** Nothing, or what still moves after the limit. */
  untilQuiet(limitMs: number): Promise<readonly string[] | undefined> {
    return untilQuiet(this.people, this.movement, limitMs);
  }

  /** A few more words, by who may say some. */
  async sayGoodbye(at: number, speakers: number): Promise<void> {
    this.at = at;
    for (const person of this.people.slice(0, speakers)) await this.say(person, 1);
    await within(STRAGGLERS_MS, "the last words", Promise.all(this.onTheirWay));
  }

  /** What everybody sees and what happened, for the verdict. */
  async observe(): Promise<Observed> {
    const { ledger, traffic, people, id } = this;
    const [founder, ...others] = people;
    if (founder === undefined) throw new Error("a group without people");
    const views: [View, ...View[]] = [await founder.view(id)];
    for (const person of others) views.push(await person.view(id));
    return {
      accounts: new Map<AccountId, Person>(people.map(({ account, person }) => [account, person])),
      ...{ views, sayings: ledger.sayings, deeds: ledger.deeds },
      ...{ passages: traffic.passages, acceptances: traffic.entries },
    };
  }

  /** What everybody's client counted, for whoever looks into a failure. */
  async counts(): Promise<readonly string[]> {
    return Promise.all(this.people.map((person) => person.counts()));
  }

  /** Ends clients, then the relay, and deletes the folder. */
  async close(): Promise<void> {
    await Promise.allSettled(this.people.map((person) => person.close()));
    await this.restarting.catch(() => undefined);
    await this.relay.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get id(): ConversationId {
    if (this.groupId === undefined) throw new Error("the group was not founded");
    return this.groupId;
  }

  private person(person: Person): GroupPerson {
    const found = this.people[person];
    if (found === undefined) throw new Error(`there is no ${nameOf(person)}`);
    return found;
  }

  /** The founder creates the group and invites; everybody accepts by itself. */
  private async form(founding: number): Promise<void> {
    const [founder, ...others] = this.people.slice(0, founding);
    if (founder?.client === undefined) throw new Error("a group without a founder");
    const group = await founder.client.groups.create({ title: "the first title" });
    this.groupId = group.id;
    for (const { person, account } of others) {
      const act: Act = { kind: "invite", by: founder.person, whom: person, answer: "accept" };
      await this.ledger.did(act, -1, group.invite({ accountId: account }));
    }
    await this.until(FORMING_MS, "everybody is in the group", async () => {
      const members = await group.members();
      return members.filter(({ standing }) => standing === "member").length === founding;
    });
    const moving = await this.untilQuiet(FORMING_MS);
    if (moving !== undefined) throw new Error(`the group does not form: ${moving.join(", ")}`);
  }

  private async happen(event: GroupEvent): Promise<"played" | "skipped"> {
    switch (event.kind) {
      case "send":
        return this.say(this.person(event.by), event.texts);
      case "act":
        return this.do(event.act);
      case "clash": {
        const [one, other] = await Promise.all([this.do(event.one), this.do(event.other)]);
        return one === "played" || other === "played" ? "played" : "skipped";
      }
      case "kill":
        await this.restarting;
        await Promise.all(event.speaking.map((by) => this.say(this.person(by), 1)));
        await this.relay.kill();
        this.restarting = this.relay.restart();
        return "played";
      case "open":
        // Without an account at hand a client opens offline, but it may have been registered only just.
        await this.person(event.who).open();
        return "played";
      case "close":
        await this.person(event.who).close();
        return "played";
      case "crash":
        await this.person(event.who).crash();
        return "played";
      case "cut":
        this.person(event.who).cut();
        return "played";
      case "rejoin":
        this.person(event.who).rejoin();
        return "played";
      default:
        return event satisfies never;
    }
  }

  private async say(person: GroupPerson, texts: number): Promise<"played" | "skipped"> {
    const group = await person.group(this.id);
    // Who is out may try: it is told so. Who never was in has no group to say it in.
    if (group === undefined) return "skipped";
    for (let said = 0; said < texts; said++) {
      const sent = group.send({ text: this.ledger.nextText });
      await this.underWay(person, this.ledger.said(sent, person.person, this.at), said < texts - 1 ? 0 : BREATH_MS);
    }
    return "played";
  }

  private async do(act: Act): Promise<"played" | "skipped"> {
    const person = this.person(act.by);
    const group = await person.group(this.id);
    if (group === undefined) return "skipped";
    if (act.kind === "invite") this.person(act.whom).answer = act.answer;
    await this.underWay(person, this.ledger.did(act, this.at, this.done(group, act)), BREATH_MS);
    return "played";
  }

  private async done(group: Group, act: Act): Promise<void> {
    const whom = "whom" in act ? { accountId: this.person(act.whom).account } : undefined;
    switch (act.kind) {
      case "update":
        return group.update(act.settings);
      case "leave":
        return group.leave();
      default:
        if (whom === undefined) throw new Error("an act about nobody");
        if (act.kind === "role") return group.setRole(whom, act.role);
        return group[act.kind](whom);
    }
  }

  /** Lets work go on by itself, once it had a moment; not too much at once. */
  private async underWay(person: GroupPerson, work: Promise<unknown>, breathMs: number): Promise<void> {
    const kept: Promise<unknown> = Promise.race([work, person.over]).finally(() => this.onTheirWay.delete(kept));
    this.onTheirWay.add(kept);
    await Promise.race([kept, pause(breathMs)]);
    while (this.onTheirWay.size > MAX_ON_THEIR_WAY) await Promise.race(this.onTheirWay);
  }

  private async inTurns(people: readonly GroupPerson[], work: (person: GroupPerson) => Promise<void>): Promise<void> {
    const left = [...people];
    const worker = async () => {
      for (let person = left.shift(); person !== undefined; person = left.shift()) await work(person);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  private async until(limitMs: number, what: string, holds: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + limitMs;
    while (!(await holds())) {
      if (Date.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      await pause(LOOK_MS);
    }
  }
}
