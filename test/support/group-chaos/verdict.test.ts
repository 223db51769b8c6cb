import { type AccountId, type MessageId, parseAccountId, parseMessageId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Person } from "./events.js";
import type { Deed, Outcome, Saying } from "./ledger.js";
import type { Passage } from "./traffic.js";
import { type Findings, inLines, isClean, judge, type Observed } from "./verdict.js";
import type { Shown, ShownEntry, View } from "./view.js";

const [FOUNDER, MEMBER, GUEST] = [0, 1, 2] as const;
const accountOf = (person: Person) => parseAccountId(`00000000-0000-4000-8000-${digits(person).padStart(12, "0")}`);
const idOf = (number: number) => parseMessageId(number.toString(16).padStart(32, "0"));
const digits = (value: number) => value.toString(36).padStart(11, "0");
const orderOf = (acceptedMs: number, counter: number, id: MessageId) =>
  `${digits(acceptedMs)}.${digits(counter)}.${id}`;

/** Entry `seq` is accepted at `100 * seq`; text `#n` at `1,000 + n`. */
const entryMs = (seq: number) => 100 * seq;

/** Founder and member are in from the beginning; the guest joins with entry 4 and is removed with entry 6. */
class Story {
  readonly sayings = new Map<MessageId, Saying>();
  readonly passages = new Map<MessageId, Passage>();
  readonly acceptances = new Map<number, number>();
  readonly deeds: Deed[] = [];
  readonly log: ShownEntry[] = [];
  readonly views: View[] = [];

  constructor() {
    const [founder, member, guest] = [accountOf(FOUNDER), accountOf(MEMBER), accountOf(GUEST)];
    this.wrote(founder, { kind: "created", by: founder });
    this.wrote(founder, { kind: "invited", account: member, by: founder });
    this.wrote(member, { kind: "joined", account: member, by: founder });
    this.wrote(guest, { kind: "joined", account: guest, by: founder });
    this.wrote(founder, { kind: "settings", changed: { title: "t" }, by: founder });
    this.wrote(founder, { kind: "removed", account: guest, by: founder });
    this.did({ kind: "invite", by: FOUNDER, whom: MEMBER, answer: "accept" });
    for (const by of [MEMBER, GUEST]) this.did({ kind: "accept", by });
    this.did({ kind: "update", by: FOUNDER, settings: { title: "t" } });
    this.did({ kind: "remove", by: FOUNDER, whom: GUEST });
    const members = [founder, member].map((account, at) => [account, "member", at === 0 ? "owner" : "member"]);
    const state = JSON.stringify({ members });
    for (const person of [FOUNDER, MEMBER])
      this.views.push(this.viewOf(person, { standing: "joined", title: "t", state }));
    this.views.push(this.viewOf(GUEST, { standing: "left", title: "old", state: "what it last saw" }));
  }

  /** Says a text, which the relay accepts at a number of the log, and shows it to some. */
  said(by: Person, revision: number, to: readonly Person[]): MessageId {
    const number = this.sayings.size;
    const id = idOf(number);
    this.sayings.set(id, { id, number, by, at: 0, outcome: { state: "done" } });
    const acceptedMs = entryMs(revision) + 10 + number;
    this.passages.set(id, { tries: [{ revision, outcome: "accepted" }], acceptedMs });
    for (const person of to) this.shows(person, id);
    return id;
  }

  shows(person: Person, id: MessageId, as: Partial<Shown> = {}): void {
    const [saying, passage] = [this.sayings.get(id), this.passages.get(id)];
    if (saying === undefined) throw new Error("nobody said it");
    const order = orderOf(passage?.acceptedMs ?? 0, saying.number, id);
    const shown = { id, text: `#${saying.number}`, from: accountOf(saying.by), order, ...as };
    this.change(person, ({ texts }) => ({ texts: [...texts, shown] }));
  }

  change(person: Person, how: (view: View) => Partial<View>): void {
    const view = this.views[person] as View;
    this.views[person] = { ...view, ...how(view) };
  }

  did(act: Deed["act"], outcome: Outcome = { state: "done" }): void {
    this.deeds.push({ act, at: 0, outcome });
  }

  /** Changes the title; the entry, if there is one, shows as much of that as is given. */
  updated(by: Person, title: string, changed?: { readonly title?: string; readonly write?: "admins" }): void {
    this.did({ kind: "update", by, settings: { title } });
    if (changed !== undefined) this.wrote(accountOf(by), { kind: "settings", changed, by: accountOf(by) });
  }

  /** Accepts an invitation where an admin has to let it in. */
  waits(person: Person): void {
    this.wrote(accountOf(person), { kind: "waiting", account: accountOf(person), by: accountOf(FOUNDER) });
  }

  /** Its invitation was taken back. */
  disinvited(person: Person): void {
    const [account, by] = [accountOf(person), accountOf(FOUNDER)];
    this.wrote(by, { kind: "invitationEnded", account, how: "takenBack", by });
  }

  /** What is found, without what is clean. */
  get found(): Partial<Findings> {
    const findings = judge(this.observed);
    expect(isClean(findings)).toBe(inLines(findings).length === 0);
    return Object.fromEntries(Object.entries(findings).filter(([, list]) => list.length > 0));
  }

  private get observed(): Observed {
    const [founder, ...others] = this.views;
    if (founder === undefined) throw new Error("nobody looks");
    const accounts = new Map<AccountId, Person>([FOUNDER, MEMBER, GUEST].map((one) => [accountOf(one), one]));
    const { sayings, deeds, passages, acceptances } = this;
    return { accounts, views: [founder, ...others], sayings, deeds, passages, acceptances };
  }

  private wrote(from: AccountId, change: ShownEntry["change"]): void {
    const seq = this.log.length + 1;
    const acceptedMs = entryMs(seq);
    this.acceptances.set(seq, acceptedMs);
    this.log.push({ seq, acceptedMs, from, change, order: orderOf(acceptedMs, seq, idOf(seq)) });
  }

  private viewOf(person: Person, view: Pick<View, "standing" | "title" | "state">): View {
    const nothing = { texts: [], pending: [], failed: [], closed: [] };
    return { person, account: accountOf(person), ...view, ...nothing, entries: this.log };
  }
}

const EVERYBODY = [FOUNDER, MEMBER, GUEST];
const PRESENT = [FOUNDER, MEMBER];

describe("the verdict on a group", () => {
  it("finds nothing where everybody reads what was said while they were in the group", () => {
    const story = new Story();
    story.said(MEMBER, 3, PRESENT);
    story.said(FOUNDER, 4, EVERYBODY);
    story.said(GUEST, 5, EVERYBODY);
    story.said(FOUNDER, 6, PRESENT);
    expect(story.found).toEqual({});
  });

  it("finds what somebody who was in the group then does not read, also its author and who was removed since", () => {
    const story = new Story();
    story.said(FOUNDER, 4, PRESENT);
    story.said(MEMBER, 6, [FOUNDER]);
    expect(story.found).toEqual({
      missing: ["#1 (p1, event 0) with p1", "#0 (p0, event 0) with p2"],
    });
  });

  it("excuses an author who was removed before it could hear that its text was accepted, and nobody else", () => {
    const story = new Story();
    for (const by of [GUEST, MEMBER]) {
      const id = story.said(by, 5, by === GUEST ? PRESENT : [FOUNDER, GUEST]);
      (story.sayings.get(id) as Saying).outcome = { state: "open" };
      story.change(by, ({ failed }) => ({ failed: [...failed, id] }));
    }
    expect(story.found).toEqual({ missing: ["#1 (p1, event 0) with p1"] });
  });

  it("finds what is read by who came later, or was removed before", () => {
    const story = new Story();
    story.said(MEMBER, 3, EVERYBODY);
    story.said(MEMBER, 6, EVERYBODY);
    expect(story.found).toEqual({ leaked: ["#0 (p1, event 0) to p2", "#1 (p1, event 0) to p2"] });
  });

  it("judges a text whose answer was lost by every number it may have been accepted at", () => {
    const story = new Story();
    for (const to of [PRESENT, EVERYBODY]) {
      const id = story.said(FOUNDER, 6, to);
      const tries = [5, 6].map((revision) => ({ revision, outcome: "unknown" }) as const);
      story.passages.set(id, { tries, acceptedMs: undefined });
      for (const person of to)
        story.change(person, ({ texts }) => ({
          texts: texts.map((shown) => (shown.id === id ? { ...shown, order: orderOf(700, 1, id) } : shown)),
        }));
    }
    const refused = story.said(FOUNDER, 6, []);
    story.passages.set(refused, { tries: [{ revision: 5, outcome: "refused" }], acceptedMs: undefined });
    story.shows(GUEST, refused, { order: orderOf(800, 1, refused) });
    expect(story.found).toEqual({ leaked: ["#2 (p0, event 0) to p2"] });
  });

  it("finds a text that is there twice, that nobody said, or that says something else", () => {
    const story = new Story();
    const id = story.said(FOUNDER, 5, EVERYBODY);
    story.shows(MEMBER, id, { order: orderOf(999, 1, id) });
    expect(story.found.strange).toEqual(["#0 (p0, event 0) twice with p1"]);
    const other = new Story();
    const said = other.said(FOUNDER, 5, [FOUNDER, GUEST]);
    other.shows(MEMBER, said, { text: "#7" });
    other.change(GUEST, ({ texts }) => ({ texts: texts.map((shown) => ({ ...shown, from: accountOf(MEMBER) })) }));
    other.sayings.delete(other.said(FOUNDER, 6, PRESENT));
    expect(other.found.strange).toEqual([
      "a text that nobody said, with p0",
      '#0 (p0, event 0) as "#7" of another with p1',
      "a text that nobody said, with p1",
      '#0 (p0, event 0) as "#0" of another with p2',
    ]);
  });

  it("finds a text that stands elsewhere with another, out of its list's order, or where it was not accepted", () => {
    const story = new Story();
    const [one, other] = [story.said(FOUNDER, 5, PRESENT), story.said(FOUNDER, 5, PRESENT)];
    story.shows(GUEST, other);
    story.shows(GUEST, one);
    expect(story.found.disordered).toEqual(["#0 (p0, event 0) behind #1 (p0, event 0) with p2"]);
    const moved = new Story();
    const id = moved.said(FOUNDER, 5, [FOUNDER, GUEST]);
    moved.shows(MEMBER, id, { order: orderOf(511, 0, id) });
    expect(moved.found.disordered).toHaveLength(2);
  });

  it("finds members of two minds, and people who do not know where they stand", () => {
    const story = new Story();
    story.change(MEMBER, () => ({ state: JSON.stringify({ members: [] }) }));
    story.change(GUEST, () => ({ standing: "joined" }));
    expect(story.found.divided).toHaveLength(2);
    const misnamed = new Story();
    misnamed.change(MEMBER, () => ({ title: "another" }));
    expect(misnamed.found).toEqual({ misnamed: ['p1 sees "another", the founder "t"'] });
    const hidden = new Story();
    hidden.change(GUEST, () => ({ standing: "none" }));
    expect(hidden.found.divided).toEqual(["p2 is out and takes itself for none"]);
  });

  it("finds entries that one tells and the founder does not, or tells twice or otherwise", () => {
    const story = new Story();
    story.change(MEMBER, ({ entries }) => {
      const [first, second, ...rest] = entries as [ShownEntry, ShownEntry, ...ShownEntry[]];
      return { entries: [{ ...first, change: { kind: "ended" } }, second, second, ...rest] };
    });
    story.change(GUEST, ({ entries }) => ({ entries: entries.slice(3) }));
    expect(story.found.entries).toHaveLength(2);
  });

  it("finds what did not open, what is still on its way, and what failed without a reason", () => {
    const story = new Story();
    story.change(MEMBER, () => ({ closed: ["noSenderKey"] }));
    const pending = story.said(MEMBER, 5, EVERYBODY);
    story.change(MEMBER, () => ({ pending: [pending] }));
    for (const [by, code] of [
      [GUEST, "groupLeft"],
      [MEMBER, "groupLeft"],
      [FOUNDER, "groupDenied"],
    ] as const) {
      const id = story.said(by, 5, []);
      story.passages.delete(id);
      (story.sayings.get(id) as Saying).outcome = { state: "failed", code };
    }
    expect(story.found).toEqual({
      undecryptable: ["p1: noSenderKey"],
      unsaid: ["#3 (p0, event 0): groupDenied", "#0 (p1, event 0) is still on its way", "#2 (p1, event 0): groupLeft"],
    });
  });

  it("excuses who was denied to speak while it waited to be let in, and nobody else", () => {
    const story = new Story();
    story.did({ kind: "accept", by: GUEST });
    story.waits(GUEST);
    for (const by of [MEMBER, GUEST]) {
      const id = story.said(by, 6, []);
      story.passages.delete(id);
      (story.sayings.get(id) as Saying).outcome = { state: "failed", code: "groupDenied" };
    }
    expect(story.found.unsaid).toEqual(["#0 (p1, event 0): groupDenied"]);
  });

  it("excuses who spoke after its invitation was taken back, and nobody else", () => {
    const story = new Story();
    const id = story.said(MEMBER, 6, []);
    story.passages.delete(id);
    (story.sayings.get(id) as Saying).outcome = { state: "failed", code: "groupLeft" };
    expect(story.found.unsaid).toEqual(["#0 (p1, event 0): groupLeft"]);
    story.disinvited(MEMBER);
    expect(story.found.unsaid).toBeUndefined();
  });

  it("finds what was done by a client's word and not by the log's, and the other way round", () => {
    const story = new Story();
    story.did({ kind: "role", by: FOUNDER, whom: MEMBER, role: "admin" });
    story.did({ kind: "leave", by: MEMBER }, { state: "failed", code: "groupDenied" });
    story.did({ kind: "leave", by: MEMBER }, { state: "failed", code: "storeCorrupt" });
    story.deeds.splice(
      story.deeds.findIndex(({ act }) => act.kind === "remove"),
      1,
    );
    expect(story.found.undone).toEqual([
      "p0 remove p2: 1 times by the log, at most 0 times by the clients' word",
      "p0 role p1 admin: 1 times by the clients' word, 0 times by the log's",
      "event 0: p1 leave: storeCorrupt",
    ]);
  });

  it("takes a lost answer for either", () => {
    const story = new Story();
    story.did({ kind: "leave", by: MEMBER }, { state: "failed", code: "offline" });
    story.deeds.splice(
      story.deeds.findIndex(({ act }) => act.kind === "remove"),
      1,
    );
    story.did({ kind: "remove", by: FOUNDER, whom: GUEST }, { state: "open" });
    expect(story.found).toEqual({});
  });

  it("spares a title that was not told any more by who was removed, with some or with all, and no other", () => {
    const told = new Story();
    told.updated(GUEST, "of the guest");
    expect(told.found.undone).toEqual(["p2 update of the guest: 1 times by the clients' word, 0 times by the log's"]);
    for (const shown of [[], [MEMBER], PRESENT]) {
      const story = new Story();
      story.updated(GUEST, "of the guest", {});
      for (const person of shown) story.change(person, () => ({ title: "of the guest" }));
      expect(story.found).toEqual({});
    }
    const staying = new Story();
    staying.updated(MEMBER, "of a member", {});
    staying.change(MEMBER, () => ({ title: "of a member" }));
    expect(Object.keys(staying.found)).toEqual(["misnamed"]);
  });

  it("asks for no title where the one that counts was told to nobody any more", () => {
    const story = new Story();
    story.updated(GUEST, "of the guest", {});
    story.change(MEMBER, () => ({ title: "an earlier one" }));
    expect(story.found).toEqual({});
    story.updated(FOUNDER, "of the founder", { title: "of the founder" });
    expect(Object.keys(story.found)).toEqual(["misnamed"]);
  });

  it("spares a member's title that was overtaken where only admins write, and asks for the one that counts", () => {
    const story = new Story();
    story.updated(MEMBER, "of a member", {});
    story.updated(FOUNDER, "of the founder", { title: "of the founder", write: "admins" });
    expect(story.found).toEqual({});
    story.change(MEMBER, () => ({ title: "of a member" }));
    expect(Object.keys(story.found)).toEqual(["misnamed"]);
  });

  it("finds numbers of the log and times of the relay that say different things", () => {
    const story = new Story();
    const id = story.said(FOUNDER, 5, PRESENT);
    const passage = story.passages.get(id) as Passage;
    passage.acceptedMs = entryMs(6) + 50;
    for (const person of PRESENT)
      story.change(person, ({ texts }) => ({
        texts: texts.map((shown) => ({ ...shown, order: orderOf(650, 0, id) })),
      }));
    story.acceptances.set(3, 301);
    expect(story.found.clocks).toEqual([
      "entry 3 at 300, on the wire 301",
      "#0 (p0, event 0) for p2: owed by number, unseen by clock (5 accepted)",
    ]);
  });
});
