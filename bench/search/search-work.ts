/**
 * Searches a history on disk and prints one line of JSON.
 *
 *   node --expose-gc --conditions=sotto-source --import tsx bench/search/search-work.ts index|scan <messages>
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AccountId,
  accountIdFromBytes,
  type ConversationId,
  directConversationId,
  encodeContent,
  parseDeviceId,
  toHex,
} from "@sotto/protocol";
import { levelStore } from "@sotto/sdk/node";
import { ItemReader } from "../../sdk/core/conversations/item-reader.js";
import { Timeline } from "../../sdk/core/conversations/timeline.js";
import type { StoreChange } from "../../sdk/core/ports.js";
import { decodeRow, eachRow, keys } from "../../sdk/core/rows.js";
import { documentOf } from "../../sdk/core/search/place.js";
import { Search } from "../../sdk/core/search/search.js";
import { SearchIndex } from "../../sdk/core/search/search-index.js";
import { wordsIn } from "../../sdk/core/search/words.js";
import { SealedStore } from "../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../sdk/node/platform.js";
import { percentiles } from "../statistics.js";
import { Corpus } from "./corpus.js";

const CONVERSATIONS = 20;
const BATCH = 500;

const [work, count] = process.argv.slice(2);
const messages = Number(count);
const corpus = new Corpus(20_000);
const folder = await mkdtemp(join(tmpdir(), "sotto-bench-"));
const account = (number: number) => accountIdFromBytes(Uint8Array.from({ length: 16 }, () => number));
const me = account(255);

async function open(): Promise<SealedStore> {
  return SealedStore.open(levelStore(folder), nodePlatform);
}

/** Writes the history: every place as the inbox would leave it. */
async function write(): Promise<void> {
  const store = await open();
  for (let number = 1; number <= CONVERSATIONS; number++) {
    const peer = account(number);
    const conversation = directConversationId(me, peer);
    const timeline = await Timeline.load(store, conversation, peer);
    let changes: StoreChange[] = [];
    for (let at = 1; at <= messages / CONVERSATIONS; at++) {
      const acceptedMs = 1_700_000_000_000 + at * 60_000 + number;
      const messageId = toHex(nodePlatform.random.bytes(16)) as never;
      const said = { kind: "text", text: corpus.text(), sender: peer, device: parseDeviceId(1), conversation } as const;
      const content = encodeContent({ ...said, messageId, counter: at, sentAtMs: acceptedMs, seen: [] });
      const row = { shape: "content", from: peer, atMs: acceptedMs, acceptedMs, content, status: "read" } as const;
      const placed = timeline.append({ ...row, reactions: [] }, { acceptedMs, counter: at, messageId });
      changes.push(...placed.changes);
      if (at % BATCH > 0) continue;
      await store.commit(changes);
      changes = [];
    }
    await store.commit(changes);
  }
  await store.close();
}

async function threads(store: SealedStore) {
  const found = new Map<ConversationId, never>();
  for (let number = 1; number <= CONVERSATIONS; number++) {
    const peer: AccountId = account(number);
    const timeline = await Timeline.load(store, directConversationId(me, peer), peer);
    const thread = { kind: "direct", peer, timeline, reader: new ItemReader(store, timeline, me) };
    found.set(timeline.id, thread as never);
  }
  return found;
}

async function timed(queries: readonly string[], ask: (query: string) => Promise<number>) {
  const times: number[] = [];
  let hits = 0;
  for (const query of queries) {
    const startedMs = performance.now();
    hits += await ask(query);
    times.push(performance.now() - startedMs);
  }
  const [p50Ms = Number.NaN, p95Ms = Number.NaN, maxMs = Number.NaN] = percentiles(times, [0.5, 0.95, 1]);
  return { p50Ms, p95Ms, maxMs, hitsPerQuery: hits / queries.length };
}

function failed(error: unknown): never {
  throw error;
}

async function indexed() {
  let store = await open();
  const { clock } = nodePlatform;
  const first = new SearchIndex({ store, clock, failed });
  await first.load();
  const startedMs = performance.now();
  await first.upToDate();
  await first.close();
  const buildMs = performance.now() - startedMs;
  await store.close();

  store = await open();
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const index = new SearchIndex({ store, clock, failed });
  await index.load();
  const loadStartedMs = performance.now();
  await index.upToDate();
  const loadMs = performance.now() - loadStartedMs;
  globalThis.gc?.();
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6;
  const shown = await threads(store);
  const search = new Search({ index, shown: async () => shown });
  const ask = async (query: string) => (await search.find(query, {})).length;
  const figures = await timed(corpus.queries(400), ask);
  let bytes = 0;
  for await (const { value } of eachRow(store, keys.searchSegments)) bytes += value.length;
  await index.close();
  await store.close();
  return { ...figures, buildMs, loadMs, heapMb, indexKilobytes: bytes / 1_000 };
}

async function scanned() {
  const store = await open();
  const figures = await timed(corpus.queries(20), async (query) => {
    const words = wordsIn(query);
    const last = words.pop() ?? "";
    let hits = 0;
    for (const id of (await threads(store)).keys()) {
      for await (const { value } of eachRow(store, keys.timeline(store, id))) {
        const said = new Set(wordsIn(documentOf(decodeRow("item", value))?.text ?? ""));
        if (words.every((word) => said.has(word)) && [...said].some((word) => word.startsWith(last))) hits += 1;
      }
    }
    return Math.min(50, hits);
  });
  await store.close();
  return figures;
}

try {
  await write();
  process.stdout.write(`${JSON.stringify(work === "scan" ? await scanned() : await indexed())}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
