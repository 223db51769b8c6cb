import { type AccountId, parseAccountId, type Relation } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { ConversationState } from "../../../../sdk/core/conversations/conversations.js";
import { MissedWords } from "../../../../sdk/core/history/missed-words.js";
import type { Plan } from "../../../../sdk/core/inbox/plan.js";
import type { Order } from "../../../../sdk/core/outbox/order.js";
import type { Row } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { manualClock } from "../link/manual-clock.js";
import { me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const DAY_MS = 24 * 3_600_000;
const account = (number: number) => parseAccountId(`00000000-0000-0000-0000-${number.toString(16).padStart(12, "0")}`);

function sent(over: Partial<Row<"sent">> & { readonly acceptedMs: number }): Row<"sent"> {
  const body = new TextEncoder().encode(`${over.acceptedMs}`);
  return { recipient: peer, type: "content", body, sentMs: over.acceptedMs, resends: 0, ...over };
}

async function fixture(kept: readonly Row<"sent">[] = []) {
  const store = await openSealed();
  const peers = new Peers(store);
  const relate = async (who: AccountId, relation: Relation) =>
    store.commit([peers.change({ ...(await peers.get(who)), relation })]);
  await relate(peer, "accepted");
  const world = { room: 10_000, lastMs: new Map<AccountId, number>([[peer, 100 * DAY_MS]]) };
  const queued: Order[] = [];
  const clock = manualClock();
  const words = new MissedWords({
    store,
    me,
    clock,
    peers,
    conversations: {
      of: async (who) => {
        const acceptedMs = world.lastMs.get(who);
        const latest = async () => (acceptedMs === undefined ? [] : [{ sequence: 1, row: { acceptedMs } }]);
        return { timeline: { latest } } as unknown as ConversationState;
      },
    },
    outbox: {
      get room() {
        return world.room - queued.length;
      },
      queue(order) {
        queued.push(order);
        return { order: queued.length, changes: [], sent: () => undefined };
      },
    },
    keptSends: {
      isKept: () => true,
      async *since(acceptedMs) {
        for (const [index, row] of kept.entries()) {
          if (row.acceptedMs >= acceptedMs) yield { envelope: new Uint8Array(16).fill(index), row };
        }
      },
    },
  });
  const run = async (planning: Promise<Plan>) => {
    const before = queued.length;
    (await planning).build();
    return queued.slice(before);
  };
  return { world, words, clock, run, relate };
}

describe("asking for what was lost", () => {
  it("asks own devices, and everybody this account wrote with in the week before", async () => {
    const { words, run } = await fixture();
    const lost = { sinceMs: 100 * DAY_MS, whom: "everybody" } as const;
    const asked = await run(words.ask(lost));
    expect(asked.map(({ recipient, type, atMs }) => [recipient, type, atMs])).toEqual([
      [me, "missed", lost.sinceMs],
      [peer, "missed", lost.sinceMs],
    ]);
    expect((await run(words.ask({ ...lost, whom: "ownDevices" }))).map(({ recipient }) => recipient)).toEqual([me]);
    expect((await run(words.ask({ ...lost, sinceMs: 120 * DAY_MS }))).map(({ recipient }) => recipient)).toEqual([me]);
  });

  it("tells who asks when a message was said first, also if it was sent again since", async () => {
    const { words, run } = await fixture([sent({ acceptedMs: 500, atMs: 100 }), sent({ acceptedMs: 300 })]);
    expect((await run(words.answer(peer, 50))).map(({ atMs }) => atMs)).toEqual([100, 300]);
  });

  it("asks contacts with whom nothing is here, and who was asked for contact: an answer may be what is lost", async () => {
    const { world, words, run, relate } = await fixture();
    const [silent, asked] = [account(1), account(2)];
    await relate(silent, "accepted");
    await relate(asked, "sent");
    world.lastMs.set(asked, 80 * DAY_MS);
    const orders = await run(words.ask({ sinceMs: 100 * DAY_MS, whom: "everybody" }));
    expect(orders.map(({ recipient }) => recipient)).toEqual([me, peer, silent, asked]);
  });

  it("asks no more people who did not answer than the relay takes such words", async () => {
    const { world, words, run, relate } = await fixture();
    for (let number = 1; number <= 40; number++) {
      await relate(account(number), "sent");
      world.lastMs.set(account(number), number);
    }
    const orders = await run(words.ask({ sinceMs: 100 * DAY_MS, whom: "everybody" }));
    const latest = Array.from({ length: 32 }, (_, index) => account(40 - index));
    expect(orders.map(({ recipient }) => recipient)).toEqual([me, peer, ...latest]);
  });

  it("asks nobody else", async () => {
    const { words, run, relate } = await fixture();
    await relate(me, "accepted");
    for (const relation of ["none", "received", "declined", "blocked"] as const) {
      await relate(peer, relation);
      const asked = await run(words.ask({ sinceMs: 100 * DAY_MS, whom: "everybody" }));
      expect(asked.map(({ recipient }) => recipient)).toEqual([me]);
    }
  });
});

describe("answering who lost something", () => {
  const kept = [
    sent({ acceptedMs: 30 }),
    sent({ acceptedMs: 20 }),
    sent({ acceptedMs: 5 }),
    sent({ acceptedMs: 40, recipient: me }),
    sent({ acceptedMs: 50, type: "retry" }),
    sent({ acceptedMs: 60, resends: 16 }),
  ];

  it("sends again what was said to that account since, in its order, and each thing a few times at most", async () => {
    const { words, run } = await fixture(kept);
    const answered = await run(words.answer(peer, 10));
    expect(answered.map(({ type, resendOf }) => [type, resendOf?.[0]])).toEqual([
      ["content", 1],
      ["content", 0],
    ]);
  });

  it("sends each content once, as a repetition of its first send", async () => {
    const body = Uint8Array.of(1);
    const { words, run } = await fixture([
      sent({ acceptedMs: 40, atMs: 20, body }),
      sent({ acceptedMs: 20, body }),
      sent({ acceptedMs: 30 }),
    ]);
    const answered = await run(words.answer(peer, 10));
    expect(answered.map(({ atMs, resendOf }) => [atMs, resendOf?.[0]])).toEqual([
      [20, 1],
      [30, 2],
    ]);
  });

  it("says that it is a contact if nothing is to be sent again: the word that said so may be lost", async () => {
    const { words, run } = await fixture(kept);
    const answered = await run(words.answer(peer, 1_000));
    expect(answered.map(({ recipient, type }) => [recipient, type])).toEqual([[peer, "contact"]]);
  });

  it("sends nothing to who is no contact", async () => {
    const { words, run, relate } = await fixture(kept);
    for (const relation of ["none", "received", "sent", "declined", "blocked"] as const) {
      await relate(peer, relation);
      expect(await run(words.answer(peer, 0))).toEqual([]);
    }
  });

  it("answers whoever asks again and again a few times, and once more after a while", async () => {
    const { words, clock, run } = await fixture(kept);
    for (let time = 0; time < 8; time++) expect((await run(words.answer(peer, 10))).length).toBe(2);
    expect(await run(words.answer(peer, 10))).toEqual([]);
    await clock.advance(601_000);
    expect((await run(words.answer(peer, 10))).length).toBe(2);
  });

  it("takes no more room than the outbox has", async () => {
    const { world, words, run } = await fixture(kept);
    world.room = 1;
    expect((await run(words.answer(peer, 10))).length).toBe(1);
  });
});
