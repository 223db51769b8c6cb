/** The logs of groups, on ordered rows. */

import type { ConversationId } from "@sotto/protocol";
import type { LogEntry, Logs } from "../../ports.js";
import type { Engine } from "../engine.js";
import {
  logCheckpointKey,
  logEntriesOf,
  logEntryKey,
  numberedValue,
  readLogCheckpoint,
  readLogEntry,
  readLogEntryKey,
  type StoredLogHead,
} from "../log-rows.js";
import { MAX_U48 } from "../row-keys.js";
import type { LogExpiry } from "./log-expiry.js";
import type { LogHeads } from "./log-heads.js";
import type { Numbers } from "./numbers.js";
import type { Turns } from "./turns.js";
import type { Writer } from "./writer.js";

/** What the logs are made of. */
export interface LogParts {
  readonly engine: Engine;
  readonly writer: Writer;
  readonly numbers: Numbers;
  readonly heads: LogHeads;
  readonly turns: Turns<ConversationId>;
  readonly expiry: LogExpiry;
}

type Append = Parameters<Logs["append"]>[0];
type Appended = Awaited<ReturnType<Logs["append"]>>;
type PutCheckpoint = Parameters<Logs["putCheckpoint"]>[0];

/** The logs of a store. Documents it answers are shared and kept in memory: read them, never write into them. */
export function orderedLogs(parts: LogParts): Logs {
  const { engine, writer, numbers, heads, turns } = parts;

  /** Decides at once, by all calls so far. */
  async function append({ group, expectedSeq, acceptedMs, entry, document }: Append): Promise<Appended> {
    writer.assertAccepting();
    const before = heads.latest(group);
    const seq = before?.seq ?? 0;
    if (seq !== expectedSeq) {
      // The loser is told so only once the winner has really won.
      await heads.writing(group);
      return { kind: "moved", seq };
    }
    const atMs = Math.max(acceptedMs, before?.acceptedMs ?? 0);
    const batch = writer.change(entry.length + document.length, (batch) => {
      const number = before?.number ?? numbers.next(batch);
      batch.put(logEntryKey(number, seq + 1, entry.length), numberedValue(atMs, entry));
      heads.change(batch, group, {
        number,
        seq: seq + 1,
        acceptedMs: atMs,
        entries: (before?.entries ?? 0) + 1,
        bytes: (before?.bytes ?? 0) + entry.length,
        document,
      });
    });
    await batch.done;
    return { kind: "appended", acceptedMs: atMs };
  }

  /** The keys of all entries below a number; those that are being written are waited for. */
  async function entryKeysBelow(group: ConversationId, below: number): Promise<readonly Buffer[]> {
    const head = await heads.committed(group);
    if (head === undefined) return [];
    const range = logEntriesOf(head.number, 0, Math.min(below, MAX_U48));
    return engine.keys(range, Number.POSITIVE_INFINITY);
  }

  /** Decides at once, by all calls so far and keys nobody else has changed since they were read. */
  async function putCheckpoint(put: PutCheckpoint, oldKeys: readonly Buffer[]): Promise<boolean> {
    writer.assertAccepting();
    const before = heads.latest(put.group);
    if (before === undefined || before.seq !== put.expectedSeq) {
      await heads.writing(put.group);
      return false;
    }
    const keep = new Set(put.keep);
    const goes = oldKeys.filter((key) => !keep.has(readLogEntryKey(key).seq));
    const bytes = goes.reduce((sum, key) => sum + readLogEntryKey(key).sizeBytes, 0);
    const batch = writer.change(put.body.length + put.document.length, (batch) => {
      for (const key of goes) batch.delete(key);
      batch.put(logCheckpointKey(before.number), numberedValue(put.seq, put.body));
      heads.change(batch, put.group, {
        ...before,
        entries: before.entries - goes.length,
        bytes: before.bytes - bytes,
        document: put.document,
      });
    });
    await batch.done;
    return true;
  }

  /** The first and last number of a page; `undefined` if there is nothing. */
  async function pageOf(
    head: StoredLogHead,
    range: { readonly after: number; readonly upTo: number },
    max: { readonly count: number; readonly bytes: number },
  ): Promise<{ readonly first: number; readonly last: number } | undefined> {
    const upTo = Math.min(range.upTo, MAX_U48 - 1);
    if (range.after >= upTo) return undefined;
    const keys = await engine.keys(logEntriesOf(head.number, range.after + 1, upTo + 1), max.count);
    let bytes = 0;
    let page: { readonly first: number; readonly last: number } | undefined;
    for (const { seq, sizeBytes } of keys.map(readLogEntryKey)) {
      bytes += sizeBytes;
      if (page !== undefined && bytes > max.bytes) break;
      page = { first: page?.first ?? seq, last: seq };
    }
    return page;
  }

  return {
    async head(group) {
      writer.assertOpen();
      const head = await heads.committed(group);
      if (head === undefined) return undefined;
      const { seq, document, bytes, entries } = head;
      return { seq, document, bytes, entries };
    },

    async append(request) {
      // What waits for its turn must not change meanwhile, and the document stays in memory.
      const copy = { ...request, entry: request.entry.slice(), document: request.document.slice() };
      return turns.take(copy.group, () => append(copy));
    },

    async read(group, range, max) {
      for (;;) {
        writer.assertOpen();
        const head = heads.latest(group);
        const page = head === undefined ? undefined : await pageOf(head, range, max);
        if (head === undefined || page === undefined) return [];
        const rows = await engine.entries(logEntriesOf(head.number, page.first, page.last + 1), max.count);
        const entries: LogEntry[] = rows.map(([key, value]) => readLogEntry(readLogEntryKey(key).seq, value));
        // All of them deleted since their keys were read: what is behind them is asked for anew.
        if (entries.length > 0) return entries;
      }
    },

    async checkpoint(group) {
      writer.assertOpen();
      const head = heads.latest(group);
      const [row] = head === undefined ? [] : await engine.values([logCheckpointKey(head.number)]);
      return row === undefined ? undefined : readLogCheckpoint(row);
    },

    async putCheckpoint(put) {
      writer.assertAccepting();
      const copy = { ...put, body: put.body.slice(), document: put.document.slice(), keep: [...put.keep] };
      return turns.takeAfter(
        copy.group,
        () => entryKeysBelow(copy.group, copy.deleteBelow),
        (oldKeys) => putCheckpoint(copy, oldKeys),
      );
    },

    expire: (beforeMs, signal) => parts.expiry.expire(beforeMs, signal),
  };
}
