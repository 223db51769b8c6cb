import { type MessageId, parseMessageId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { type Biography, Ledger, type Saying, unborn } from "./ledger.js";
import { sideOf } from "./model.js";
import { type End, isClean, judge } from "./verdict.js";
import type { Shown } from "./view.js";

const idOf = (number: number) => parseMessageId(number.toString(16).padStart(32, "0"));
const NOTHING: ReadonlySet<MessageId> = new Set();

/** Two devices of alice, one of bob, and what they say. */
class Story {
  readonly ledger = new Ledger();
  private at = 0;

  device(name: string, donor?: string): Biography {
    const biography = unborn({ name, side: sideOf(name), joinedAt: this.at++, donor, inherits: NOTHING });
    this.ledger.born(biography);
    return biography;
  }

  said(author: string, saying: Partial<Saying> = {}): Saying {
    const number = this.ledger.next;
    const id = idOf(number);
    const outcome = { state: "accepted" } as const;
    const said: Saying = {
      ...{ id, number, kind: "text", target: undefined, author, side: sideOf(author), at: this.at++ },
      ...{ startedMs: Date.now(), outcome, ...saying },
    };
    this.ledger.sayings.set(id, said);
    return said;
  }

  restored(device: Biography, holds: readonly Saying[] = []): void {
    const copy = { takenAt: this.at++, holds: new Set(holds.map(({ id }) => id)), isInheritanceDone: true };
    device.restores.push({ at: this.at++, copy });
  }

  ended(device: Biography): void {
    device.endedAt = this.at++;
  }
}

const shown = (saying: Saying, device: Biography, face = `#${saying.number}`): Shown => ({
  id: saying.id,
  face,
  direction: saying.side === device.side ? "sent" : "received",
  status: "read",
  order: face,
});

function end(device: Biography, messages: readonly Shown[], closed: readonly string[] = []): End {
  return { device, view: { messages, unaccepted: [], ids: new Set(messages.map(({ id }) => id)), closed } };
}

function beginning() {
  const story = new Story();
  const [alice, bob, second] = [story.device("alice-1"), story.device("bob-1"), story.device("alice-2", "alice-1")];
  return { story, alice, bob, second };
}

describe("the verdict on chaos", () => {
  it("is clean where all show the same", () => {
    const { story, alice, bob, second } = beginning();
    const text = story.said("alice-1");
    const ends = [alice, bob, second].map((device) => end(device, [shown(text, device)]));
    expect(isClean(judge(story.ledger, ends))).toBe(true);
  });

  it("misses an accepted text on any device that was there, and none on one that came later", () => {
    const { story, alice, bob, second } = beginning();
    const text = story.said("alice-1");
    const late = story.device("alice-3", "alice-1");
    const ends = [end(alice, [shown(text, alice)]), end(bob, []), end(second, []), end(late, [])];
    expect(judge(story.ledger, ends).missing).toHaveLength(2);
  });

  it("owes a new device what the relay accepted once it was there, and nothing from before, whenever its author heard", () => {
    const { story, alice } = beginning();
    const [before, behind] = [story.said("alice-1"), story.said("alice-1")];
    const late = story.device("bob-2", "bob-1");
    story.ledger.relayAccepted(before.id, late.joinedMs - 1);
    // The first answer was lost with its connection, and came again with the repeat.
    story.ledger.relayAccepted(before.id, late.joinedMs + 2);
    story.ledger.relayAccepted(behind.id, late.joinedMs + 1);
    const ends = [end(alice, [shown(before, alice), shown(behind, alice)]), end(late, [])];
    expect(judge(story.ledger, ends).missing).toEqual([`#1 (alice-1, event ${behind.at}) on bob-2`]);
  });

  it("forgives what was said alone by a device that was put back or revoked, and nothing that another one holds", () => {
    const { story, alice, bob, second } = beginning();
    const [kept, told, alone] = [story.said("alice-1"), story.said("alice-1"), story.said("alice-1")];
    alice.synced.add(told.id);
    story.restored(alice, [kept]);
    const everything = [kept, told, alone].map((text) => shown(text, bob));
    const findings = judge(story.ledger, [end(alice, []), end(bob, everything), end(second, [])]);
    expect(findings.missing.map((line) => line.split(" ")[0])).toEqual(["#0", "#1", "#0", "#1"]);

    const gone = beginning();
    gone.story.said("alice-1");
    gone.story.ended(gone.alice);
    expect(judge(gone.story.ledger, [end(gone.second, [])]).missing).toEqual([]);
    expect(judge(gone.story.ledger, [end(gone.bob, [])]).missing).toHaveLength(1);
  });

  it("does not take for told what a device that was put back has forgotten, however empty its outbox is", () => {
    const { story, alice, bob, second } = beginning();
    const [kept, alone] = [story.said("alice-1"), story.said("alice-1")];
    story.restored(alice, [kept]);
    const [since, open] = [story.said("alice-1"), story.said("alice-1", { outcome: { state: "open" } })];
    for (const id of story.ledger.acceptedOf(alice, new Set([kept.id, open.id]))) alice.synced.add(id);
    story.ended(alice);
    const everything = [kept, alone, since].map((text) => shown(text, bob));
    const findings = judge(story.ledger, [end(bob, everything), end(second, [])]);
    expect(findings.missing.map((line) => line.split(" ")[0])).toEqual([`#${kept.number}`, `#${since.number}`]);
  });

  it("sees another order, other words, texts twice and texts of nobody", () => {
    const { story, alice, bob } = beginning();
    const [one, two] = [story.said("alice-1"), story.said("bob-1")];
    const stranger = { ...one, id: idOf(9) };
    const ends = [
      end(alice, [shown(one, alice), shown(two, alice), shown(two, alice)]),
      end(bob, [shown(two, bob), shown(one, bob, "other words"), shown(stranger, bob)]),
    ];
    const findings = judge(story.ledger, ends);
    expect(findings.disordered).toHaveLength(1);
    expect(findings.different).toHaveLength(1);
    expect(findings.strange).toHaveLength(2);
  });

  it("does not compare words where a change of them was refused", () => {
    const { story, alice, bob } = beginning();
    const text = story.said("alice-1");
    story.said("alice-1", { kind: "edit", target: text.id, outcome: { state: "failed", code: "notAllowed" } });
    const ends = [end(alice, [shown(text, alice, "edited")]), end(bob, [shown(text, bob)])];
    expect(judge(story.ledger, ends).different).toEqual([]);
  });

  it("forgives what does not open only to a device that was put back, and if the sender is gone", () => {
    const { story, alice, bob, second } = beginning();
    const closed = () => judge(story.ledger, [end(bob, [], ["noSession"])]).undecryptable;
    expect(closed()).toHaveLength(1);
    story.restored(bob);
    expect(closed()).toHaveLength(1);
    story.ended(second);
    expect(closed()).toEqual([]);
    expect(judge(story.ledger, [end(alice, [], ["noSession"])]).undecryptable).toHaveLength(1);
  });

  it("minds that a device is turned away unless it was revoked", () => {
    const { story, second } = beginning();
    story.said("alice-2", { outcome: { state: "failed", code: "badCredentials" } });
    expect(judge(story.ledger, []).refused).toHaveLength(1);
    story.ended(second);
    expect(judge(story.ledger, []).refused).toEqual([]);
  });

  it("minds a refusal unless somebody began anew", () => {
    const { story } = beginning();
    story.said("alice-1", { outcome: { state: "failed", code: "requestPending" } });
    expect(judge(story.ledger, []).refused).toHaveLength(1);
    story.ledger.resets.push({ side: "bob", at: 0 });
    expect(judge(story.ledger, []).refused).toHaveLength(1);
    story.said("bob-1");
    expect(judge(story.ledger, []).refused).toEqual([]);
  });
});
