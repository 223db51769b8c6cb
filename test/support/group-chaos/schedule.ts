/**
 * Draws a schedule: the same seed gives the same events, and a shorter schedule is the beginning of a longer one. It depends
 * on nothing that happens while it is played; what the group refuses then (somebody was faster) is part of the play.
 */

import type { GroupRole } from "@sotto/protocol";
import { type SeededRandom, seededRandom } from "../crash/seeded-random.js";
import type { Act, DrawnSettings, GroupEvent, Person } from "./events.js";

/** How large a group is, and who speaks much: a key has to reach everybody before its owner's first word does. */
export interface Cast {
  /** Everybody there is. */
  readonly people: number;
  /** How many are in the group when the schedule begins, the first ones. */
  readonly founding: number;
  /** Most words come from so many people. */
  readonly voices: number;
}

/** How often each kind is drawn, in parts of their sum; what cannot happen is drawn again. */
const weights = {
  send: 300,
  invite: 70,
  remove: 35,
  leave: 14,
  admit: 25,
  role: 40,
  update: 45,
  clash: 70,
  close: 35,
  crash: 15,
  open: 90,
  cut: 20,
  rejoin: 40,
  kill: 12,
} as const;
type Kind = keyof typeof weights;
const kinds = Object.entries(weights) as [Kind, number][];
const total = kinds.reduce((sum, [, weight]) => sum + weight, 0);
const acts = ["invite", "remove", "leave", "admit", "role", "update"] as const satisfies readonly Act["kind"][];

/** Of a hundred. */
const VOICE_SHARE = 85;
const ACCEPT_SHARE = 88;
const MAX_TEXTS = 3;
const MAX_SPEAKING = 4;
/** Timers are long, so that nothing of a run runs out. */
const LEAST_TIMER_MS = 86_400_000;

/** What is likely to be so, as far as a schedule can know. */
interface Guess {
  in: "out" | "asked" | "in";
  role: GroupRole;
  power: "on" | "off";
  net: "up" | "cut";
}

/** The first `count` events of a seed. */
export function schedule(seed: number, count: number, cast: Cast): readonly GroupEvent[] {
  const drawing = new Drawing(seededRandom(seed), cast);
  const events: GroupEvent[] = [];
  while (events.length < count) {
    const event = drawing.next();
    if (event !== undefined) events.push(event);
  }
  return events;
}

class Drawing {
  private readonly guesses: Guess[];
  private updates = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly cast: Cast,
  ) {
    this.guesses = Array.from({ length: cast.people }, (_, person) => ({
      in: person < cast.founding ? "in" : "out",
      role: person === 0 ? "owner" : "member",
      power: "on",
      net: "up",
    }));
  }

  /** The next event; nothing if nobody is fit for what was drawn. */
  next(): GroupEvent | undefined {
    const kind = this.kind();
    switch (kind) {
      case "send": {
        const by = this.speaker();
        return by === undefined ? undefined : { kind, by, texts: 1 + this.random.below(MAX_TEXTS) };
      }
      case "kill": {
        const speaking = Array.from({ length: 1 + this.random.below(MAX_SPEAKING) }, () => this.speaker());
        return { kind, speaking: [...new Set(speaking.filter((one) => one !== undefined))] };
      }
      case "close":
      case "crash":
        return this.turn(kind, ({ power }) => power === "on", { power: "off", net: "up" });
      case "open":
        return this.turn(kind, ({ power }) => power === "off", { power: "on" });
      case "cut":
        return this.turn(kind, ({ power, net }) => power === "on" && net === "up", { net: "cut" });
      case "rejoin":
        return this.turn(kind, ({ power, net }) => power === "on" && net === "cut", { net: "up" });
      case "clash":
        return this.clash();
      default: {
        const act = this.act(kind);
        if (act !== undefined) this.follow(act);
        return act === undefined ? undefined : { kind: "act", act };
      }
    }
  }

  /** Two at once, most often about the same person. */
  private clash(): GroupEvent | undefined {
    const [one, other] = [this.act(this.pick(acts) ?? "update"), this.act(this.pick(acts) ?? "update")];
    if (one === undefined || other === undefined || one.by === other.by) return undefined;
    const isAbout = "whom" in one && "whom" in other && one.whom !== other.by && this.random.below(2) === 0;
    const second = isAbout ? { ...other, whom: one.whom } : other;
    for (const act of [one, second]) this.follow(act);
    return { kind: "clash", one, other: second };
  }

  private act(kind: Act["kind"]): Act | undefined {
    const isAdmin = ({ role }: Guess) => role !== "member";
    switch (kind) {
      case "invite": {
        const [by, whom] = [this.acting(), this.somebody(({ in: standing }) => standing === "out")];
        const answer = this.random.below(100) < ACCEPT_SHARE ? "accept" : "decline";
        return by === undefined || whom === undefined ? undefined : { kind, by, whom, answer };
      }
      case "admit":
      case "remove": {
        const [by, whom] = [this.acting(isAdmin), this.somebody(({ in: standing }) => standing !== "out")];
        return by === undefined || whom === undefined || by === whom ? undefined : { kind, by, whom };
      }
      case "role": {
        const [by, whom] = [this.acting(isAdmin), this.somebody(({ in: standing }) => standing === "in")];
        const role = this.pick(["member", "admin", "admin", "owner"] as const);
        return by === undefined || whom === undefined || role === undefined ? undefined : { kind, by, whom, role };
      }
      case "update": {
        const by = this.acting();
        return by === undefined ? undefined : { kind, by, settings: this.settings() };
      }
      case "leave": {
        const by = this.somebody(({ in: standing, power }) => standing === "in" && power === "on");
        return by === undefined ? undefined : { kind, by };
      }
      default:
        return kind satisfies never;
    }
  }

  private settings(): DrawnSettings {
    this.updates += 1;
    const own = { title: `title ${this.updates}` };
    switch (this.random.below(9)) {
      case 0:
        return { ...own, timerMs: LEAST_TIMER_MS + this.updates };
      case 1:
        return { ...own, whoInvites: this.pick(["members", "admins"] as const) ?? "members" };
      case 2:
        // An announcement group is a quiet one, so more often it ends.
        return { ...own, whoWrites: this.pick(["members", "members", "admins"] as const) ?? "members" };
      case 3:
        return { ...own, approval: this.pick(["off", "off", "on"] as const) ?? "off" };
      default:
        return own;
    }
  }

  /** What is likely so behind an act. */
  private follow(act: Act): void {
    const whom = this.guesses["whom" in act ? act.whom : act.by];
    if (whom === undefined) return;
    if (act.kind === "invite") whom.in = act.answer === "accept" ? "in" : "out";
    if (act.kind === "remove" || act.kind === "leave") Object.assign(whom, { in: "out", role: "member" });
    if (act.kind === "role") whom.role = act.role;
  }

  private turn<K extends "close" | "crash" | "open" | "cut" | "rejoin">(
    kind: K,
    fits: (guess: Guess) => boolean,
    becomes: Partial<Guess>,
  ): { readonly kind: K; readonly who: Person } | undefined {
    const who = this.somebody(fits);
    if (who === undefined) return undefined;
    Object.assign(this.guesses[who] as Guess, becomes);
    return { kind, who };
  }

  private kind(): Kind {
    let at = this.random.below(total);
    for (const [kind, weight] of kinds) {
      if (at < weight) return kind;
      at -= weight;
    }
    return "send";
  }

  private speaker(): Person | undefined {
    const isIn = ({ in: standing, power }: Guess) => standing === "in" && power === "on";
    const isVoice = this.random.below(100) < VOICE_SHARE;
    return this.whoever((guess, person) => isIn(guess) && (!isVoice || person < this.cast.voices));
  }

  /** Who changes the group. The founder does often, for most others are mere members. */
  private acting(fits: (guess: Guess) => boolean = () => true): Person | undefined {
    if (this.random.below(4) === 0) return 0;
    const isThere = ({ in: standing, power, net }: Guess) => standing === "in" && power === "on" && net === "up";
    return this.whoever((guess, person) => isThere(guess) && fits(guess) && person < 2 * this.cast.voices);
  }

  /** Anybody but the founder. */
  private somebody(fits: (guess: Guess) => boolean): Person | undefined {
    return this.whoever((guess, person) => person > 0 && fits(guess));
  }

  private whoever(fits: (guess: Guess, person: Person) => boolean): Person | undefined {
    return this.pick(this.guesses.flatMap((guess, person) => (fits(guess, person) ? [person] : [])));
  }

  private pick<T>(from: readonly T[]): T | undefined {
    return from[this.random.below(Math.max(from.length, 1))];
  }
}
