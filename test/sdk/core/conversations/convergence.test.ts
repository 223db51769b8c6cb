import { type AccountId, type MessageId, parseConversationId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EntryOfLog } from "../../../../sdk/core/conversations/group-items.js";
import type { Item } from "../../../../sdk/core/conversations/items.js";
import { me, peer } from "../people.js";
import { carol, mallory } from "./members.js";
import { Replica, type Where } from "./replica.js";
import { picture } from "./sayings.js";

/** One thing that happens; the numbers choose among what is there when it does. */
const step = fc.record({
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constant("text" as const) },
    { weight: 4, arbitrary: fc.constant("edit" as const) },
    { weight: 4, arbitrary: fc.constant("react" as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom("delete" as const, "reply" as const, "custom" as const, "profile" as const),
    },
    { weight: 2, arbitrary: fc.constantFrom("poll" as const, "picture" as const, "naming" as const) },
    { weight: 5, arbitrary: fc.constant("vote" as const) },
    { weight: 3, arbitrary: fc.constantFrom("read" as const, "delivered" as const) },
    { weight: 12, arbitrary: fc.constant("accept" as const) },
    { weight: 20, arbitrary: fc.constant("receive" as const) },
    { weight: 2, arbitrary: fc.constantFrom("break" as const, "repair" as const, "repair" as const) },
    { weight: 1, arbitrary: fc.constant("restart" as const) },
    { weight: 3, arbitrary: fc.constantFrom("log" as const, "log" as const, "title" as const, "remove" as const) },
    { weight: 2, arbitrary: fc.constantFrom("namesake" as const, "editAnothers" as const, "deleteAnothers" as const) },
  ),
  device: fc.nat(4),
  /** Prefers what was said last, where most happens. */
  pick: fc.oneof(fc.nat(2), fc.nat(40)),
  emoji: fc.constantFrom("👍", "🎉"),
  action: fc.constantFrom("add" as const, "add" as const, "remove" as const),
  passedMs: fc.nat(2),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const SKEWS_MS = [0, -40, 60, 0, 15];

const group = parseConversationId("0123456789abcdef0123456789abcdef");
/** Five devices, and a relay that only counts time. */
class Devices {
  private relayMs = 1_000;
  private words = 0;
  private seq = 0;
  private removed: AccountId | undefined;

  private constructor(readonly all: readonly Replica[]) {}

  static async open(owners: readonly { readonly account: AccountId; readonly where: Where }[]): Promise<Devices> {
    return new Devices(
      await Promise.all(owners.map(({ account, where }, index) => Replica.open(account, where, index + 1))),
    );
  }

  static ofTwo(): Promise<Devices> {
    const [mine, theirs] = [
      { account: me, where: { peer } },
      { account: peer, where: { peer: me } },
    ];
    return Devices.open([mine, mine, mine, theirs, theirs]);
  }

  /** The last of them is of somebody who is removed, and whose client is a modified one. */
  static ofGroup(): Promise<Devices> {
    return Devices.open([me, me, peer, carol, mallory].map((account) => ({ account, where: { group } })));
  }

  async step({ what, device, pick, emoji, action, passedMs }: Step): Promise<void> {
    this.relayMs += passedMs;
    const replica = this.all[device];
    if (replica === undefined) return;
    // Who is out of the group has nothing but new messages left; what undoing the rest cannot bring back is tested apart.
    if (replica.me === this.removed && (what === "edit" || what === "react" || what === "delete")) return;
    const nowMs = this.relayMs + (SKEWS_MS[device] ?? 0);
    this.words += 1;
    switch (what) {
      case "text":
        await replica.say({ kind: "text", text: `t${this.words}` }, nowMs);
        return;
      case "custom":
        await replica.say({ kind: "custom", schema: "org.example", data: Uint8Array.of(1) }, nowMs);
        return;
      case "profile":
        await replica.say({ kind: "profile", name: `n${this.words}` }, nowMs);
        return;
      case "poll":
        await replica.say({ kind: "poll", question: "?", options: ["a", "b", "c"], choose: pollOf(pick) }, nowMs);
        return;
      case "picture":
        await replica.say({ kind: "attachments", attachments: [picture], text: `p${this.words}` }, nowMs);
        return;
      case "naming": {
        const mentions = [{ account: peer, start: 0, length: 1 }];
        await replica.say({ kind: "annotated", text: `n${this.words}`, mentions }, nowMs);
        return;
      }
      case "accept":
        return this.accept(replica);
      case "receive":
      case "break":
        return this.receive(replica, pick, what);
      case "repair":
        return this.repair(replica, pick);
      case "restart":
        return replica.restart();
      case "read":
        return replica.markRead(await named(replica, "received", pick), nowMs);
      case "delivered": {
        const targets = await named(replica, "received", pick);
        return targets.length === 0 ? undefined : replica.receipt("delivered", targets, nowMs);
      }
      case "log":
        return replica.readLog(1 + (pick % 3));
      case "title":
        return this.log([{ kind: "settings", by: me, changed: { title: `t${this.words}` } }]);
      case "remove":
        if (this.removed !== undefined) return;
        this.removed = mallory;
        return this.log([
          { kind: "removed", account: mallory, by: me },
          { kind: "epoch", epoch: 2, by: me },
        ]);
      case "namesake":
      case "editAnothers":
      case "deleteAnothers":
        return this.forge(what, pick, nowMs);
      default:
        break;
    }
    if (what === "vote") {
      const [target] = await named(replica, "poll", pick);
      const choices = [[], [0], [1], [2], [0, 2]][(pick + passedMs) % 5] ?? [];
      if (target !== undefined) await replica.say({ kind: "vote", target, choices }, nowMs);
      return;
    }
    const [target] = await named(replica, what === "edit" || what === "delete" ? "sent" : "any", pick);
    if (target === undefined) return;
    if (what === "edit") await replica.say({ kind: "edit", target, text: `e${this.words}` }, nowMs);
    else if (what === "delete") await replica.say({ kind: "delete", target }, nowMs);
    else if (what === "react") await replica.say({ kind: "reaction", target, emoji, action }, nowMs);
    else await replica.say({ kind: "reply", quoted: target, quotedHash: await replica.hash(target), text: "r" }, nowMs);
  }

  /** Everything arrives, in an order that the seed decides; what did not open is sent again. */
  async drain(seed: readonly number[]): Promise<void> {
    let turn = 0;
    const next = () => (seed[turn++ % seed.length] ?? 0) + turn;
    for (;;) {
      for (const replica of this.all) while (replica.outbox.length > 0) await this.accept(replica);
      const behind = this.all.filter(({ unread }) => unread.length > 0);
      const busy = this.all.filter(
        ({ inbox, broken }) => broken.length > 0 || [...inbox.values()].some((m) => m.length > 0),
      );
      const replica = busy[next() % Math.max(1, busy.length)];
      const reader = behind[next() % Math.max(1, behind.length)];
      if (reader !== undefined && (replica === undefined || next() % 4 === 0)) await reader.readLog(1);
      if (replica === undefined && reader === undefined) return;
      if (replica === undefined) continue;
      const isEmpty = [...replica.inbox.values()].every((queue) => queue.length === 0);
      if (replica.broken.length > 0 && (isEmpty || next() % 3 === 0)) await this.repair(replica, next());
      else await this.receive(replica, next(), "receive");
    }
  }

  /** The relay accepted an entry of the group's log. */
  private log(summary: EntryOfLog["summary"]): void {
    this.seq += 1;
    const entry = { seq: this.seq, acceptedMs: this.relayMs, author: me, summary };
    for (const { where, unread } of this.all) if ("group" in where) unread.push(entry);
  }

  /** What a modified client says in somebody else's name, to each device at once. */
  private async forge(what: "namesake" | "editAnothers" | "deleteAnothers", pick: number, nowMs: number) {
    const [first] = this.all;
    const forger = this.all.find(({ me }) => me === mallory);
    if (first === undefined || forger === undefined) return;
    const [target] = await named(first, "sent", pick);
    if (target === undefined) return;
    const content =
      what === "namesake"
        ? forger.forged({ kind: "text", text: "mine" }, { messageId: target }, nowMs)
        : forger.forged(
            what === "editAnothers" ? { kind: "edit", target, text: "forged" } : { kind: "delete", target },
            {},
            nowMs,
          );
    for (const replica of this.all) {
      if (replica.me !== mallory) await replica.refuse({ content, acceptedMs: this.relayMs });
    }
  }

  private async accept(replica: Replica): Promise<void> {
    const mail = await replica.accepted(this.relayMs);
    if (mail === undefined) return;
    const { content } = mail;
    // Nor does the relay take anything else of who is out that was on its way.
    const { kind } = content;
    if (replica.me === this.removed && (kind === "edit" || kind === "reaction" || kind === "delete")) return;
    for (const other of this.all) {
      const isOwn = other.me === replica.me;
      if (other === replica || (isOwn && content.kind === "receipt" && content.receipt === "delivered")) continue;
      const queue = other.inbox.get(replica) ?? [];
      other.inbox.set(replica, queue);
      queue.push(mail);
    }
  }

  /** One producer's mail keeps its order, different producers' does not. */
  private async receive(replica: Replica, pick: number, what: "receive" | "break"): Promise<void> {
    const producers = [...replica.inbox.values()].filter((queue) => queue.length > 0);
    const mail = producers[pick % Math.max(1, producers.length)]?.shift();
    if (mail === undefined) return;
    await (what === "break" ? replica.fail(mail) : replica.take(mail));
  }

  private async repair(replica: Replica, pick: number): Promise<void> {
    const [broken] = replica.broken.splice(pick % Math.max(1, replica.broken.length), 1);
    if (broken !== undefined) await replica.take(broken.mail, broken.sequence);
  }
}

const pollOf = (pick: number) => (pick % 2 === 0 ? "one" : "many");

/** The id of one visible message, counted from the last. */
async function named(replica: Replica, which: Item["direction"] | "poll" | "any", pick: number): Promise<MessageId[]> {
  const items = (await replica.items()).filter(
    (item) => which === "any" || [item.direction, item.kind].includes(which),
  );
  const item = items[items.length - 1 - (pick % Math.max(1, items.length))];
  return item !== undefined && "messageId" in item && item.messageId !== undefined ? [item.messageId] : [];
}

/** What devices of one account must agree on. */
function common(items: readonly Item[]) {
  return items.map(({ cursor: _cursor, atMs: _atMs, ...item }) => item);
}

/** What devices of both accounts must agree on. */
function shared(items: readonly Item[]) {
  return common(items).map(({ direction: _direction, ...item }) => {
    const statusless = "status" in item ? { ...item, status: "" } : item;
    return statusless.kind === "poll" ? { ...statusless, tally: { ...statusless.tally, mine: [] } } : statusless;
  });
}

const steps = fc.array(step, { maxLength: 120, size: "max" });
const order = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 });
const numRuns = Number(process.env.RUNS ?? 60);

/** Runs steps on devices until all mail arrived, and answers what each shows. */
async function run(devices: Devices, steps: readonly Step[], seed: readonly number[]) {
  for (const one of steps) await devices.step(one);
  await devices.drain(seed);
  const items = await Promise.all(devices.all.map((replica) => replica.items()));
  const orders = (items[0] ?? []).map(({ order }) => order);
  expect([...orders].sort()).toEqual(orders);
  expect(new Set(orders).size).toBe(orders.length);
  for (const [index, replica] of devices.all.entries()) {
    await replica.restart();
    expect(await replica.items(3)).toEqual(items[index]);
  }
  return items;
}

describe("devices of two people", () => {
  it("end with the same conversation, whatever is said and in whatever order it comes", async () => {
    await fc.assert(
      fc.asyncProperty(steps, order, async (steps, seed) => {
        const [first = [], second, third, fourth = [], fifth] = await run(await Devices.ofTwo(), steps, seed);
        expect(common(second ?? [])).toEqual(common(first));
        expect(common(third ?? [])).toEqual(common(first));
        expect(common(fifth ?? [])).toEqual(common(fourth));
        expect(shared(fourth)).toEqual(shared(first));
      }),
      { numRuns },
    );
  }, 600_000);
});

describe("devices of the members of a group", () => {
  it("end with the same conversation, whatever is said, forged and changed, and in whatever order it comes", async () => {
    await fc.assert(
      fc.asyncProperty(steps, order, async (steps, seed) => {
        const [first = [], second, third = [], fourth = []] = await run(await Devices.ofGroup(), steps, seed);
        expect(common(second ?? [])).toEqual(common(first));
        expect(shared(third)).toEqual(shared(first));
        expect(shared(fourth)).toEqual(shared(first));
      }),
      { numRuns },
    );
  }, 600_000);
});
