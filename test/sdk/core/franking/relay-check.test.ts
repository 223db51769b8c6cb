/** Asking the desk about the relay's stamps: once a day at a time of chance, of something that came, and of nothing one said oneself. */

import { accountIdToBytes, encodeContent, equalBytes, groupRoster, type StampVerdict } from "@sotto/protocol";
import { expect, test } from "vitest";
import { Counters } from "../../../../sdk/core/counters.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { handedOver } from "../../../../sdk/core/franking/handed-over.js";
import { RelayCheck } from "../../../../sdk/core/franking/relay-check.js";
import { nodePlatform } from "../../../../sdk/node/index.js";
import { manualClock } from "../link/manual-clock.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { evidenceBytesOf, small } from "./franked.js";

const NOW_MS = 1_000_000;
const DAY_MS = 86_400_000;

async function fixture() {
  const store = await openSealed();
  const rows = new EvidenceRows(store);
  const clock = manualClock(NOW_MS);
  const counters = new Counters();
  const asked: { readonly commitment: Uint8Array; readonly acceptedMs: number; readonly stamp: Uint8Array }[] = [];
  const lines: string[] = [];
  const it = { verdict: "good" as StampVerdict, state: "ready" as "ready" | "waiting" };
  const check = new RelayCheck({
    ...{ store, me, clock, counters, random: nodePlatform.random },
    asks: {
      async checkStamp(shown) {
        asked.push(shown);
        return it.verdict;
      },
    },
    relay: {
      device: {
        get state() {
          return it.state as never;
        },
      },
    },
    log: (_level, event) => void lines.push(event),
    failed(error) {
      throw error;
    },
  });
  /** Keeps what somebody said to me, or I to them. */
  async function keep(number: number, sender = peer, where: "direct" | "group" = "direct"): Promise<void> {
    const header = { sender, device, conversation: conversationId, messageId: messageId(number), seen: [] };
    const content = { ...header, kind: "text", text: `t${number}`, counter: number, sentAtMs: number } as const;
    const encoded = encodeContent(content);
    const group = { group: conversationId, revision: 1, head: new Uint8Array(32) };
    const roster = groupRoster(small.realm, group, [me, peer]);
    const audience =
      where === "group" ? ({ kind: "group", roster } as const) : ({ kind: "account", account: me } as const);
    const to = { audience, acceptedMs: NOW_MS - number, me } as const;
    const speaker = { account: sender, device };
    const evidence = handedOver(
      { realm: small.realm, nowMs: NOW_MS },
      { content, encoded },
      evidenceBytesOf(speaker, encoded, to),
    );
    if (evidence === undefined) throw new Error("evidence of it");
    const stampedFor = accountIdToBytes(sender === me ? peer : me);
    const head = { ...evidence.head, stampedFor };
    const kept = { evidence: { ...evidence, head }, content: encoded, acceptedMs: NOW_MS - number };
    await store.commit(rows.keeping({ ...kept, untilMs: NOW_MS + DAY_MS }));
  }
  return { ...{ check, asked, counters, clock, lines, keep }, it };
}

test("nothing that came is nothing to ask about, and so is what one said oneself", async () => {
  const { check, asked, keep } = await fixture();
  expect(await check.check()).toBe("nothing");
  await keep(1, me);
  expect(await check.check()).toBe("nothing");
  expect(asked).toEqual([]);
});

test("what came is asked about as the relay stamped it; a bad stamp is counted and said", async () => {
  const { check, asked, keep, it, counters, lines } = await fixture();
  await keep(1, me);
  await keep(2);
  expect(await check.check()).toBe("good");
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ acceptedMs: NOW_MS - 2 });
  it.verdict = "bad";
  expect(await check.check()).toBe("bad");
  it.verdict = "unknown";
  expect(await check.check()).toBe("unknown");
  expect(counters.snapshot()).toEqual({ stampsGood: 1, stampsBad: 1 });
  expect(lines).toEqual(["relay.badStamp"]);
  const [first, second] = asked;
  expect(equalBytes(first?.commitment ?? new Uint8Array(1), second?.commitment ?? new Uint8Array(2))).toBe(true);
});

test("it happens once a day, and not while nobody can be asked", async () => {
  const { check, asked, keep, it, clock } = await fixture();
  await keep(1);
  check.start();
  const days = async (count: number) => {
    await clock.advance(count * DAY_MS);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  await days(1);
  expect(asked).toHaveLength(1);
  it.state = "waiting";
  await days(1);
  expect(asked).toHaveLength(1);
  it.state = "ready";
  await days(1);
  expect(asked).toHaveLength(2);
  check.close();
  await days(3);
  expect(asked).toHaveLength(2);
});

test("by itself it asks of nothing that came to a group, whose members the desk could put together", async () => {
  const { check, asked, keep, clock } = await fixture();
  await keep(1, peer, "group");
  check.start();
  await clock.advance(2 * DAY_MS);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual([]);
  expect(await check.check()).toBe("good");
  await keep(2);
  await clock.advance(DAY_MS);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(asked.map(({ acceptedMs }) => acceptedMs)).toEqual([NOW_MS - 1, NOW_MS - 2]);
  check.close();
});
