/** The relay's rules for groups' logs, in memory: nothing survives, and a test may make it lie. */

import { createPublicKey, verify } from "node:crypto";
import {
  type ConversationId,
  equalBytes,
  type Frame,
  groupAppendText,
  groupCheckpointText,
  groupCreateText,
  groupReadText,
  SottoError,
} from "@sotto/protocol";
import type { LogRequestParts } from "../../../../../sdk/core/groups/log/log-requests.js";

type Page = Frame<"groupEntries">;
type Entry = Page["entries"][number];
interface Keys {
  readonly accessKey: Uint8Array;
  readonly adminKey: Uint8Array;
}
interface Former extends Keys {
  readonly endedBy: number;
}

/** One log. */
export interface UnsafeLog {
  entries: Entry[];
  present: Keys;
  former: Former[];
  checkpoint: NonNullable<Page["checkpoint"]> | undefined;
}

/** What a client asks of logs. */
export type LogFrame = Frame<"createGroup" | "appendGroup" | "readGroup" | "putCheckpoint">;
type Answer = Frame<"groupAppended" | "groupMoved" | "groupEntries" | "done">;

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const PAGE_ENTRIES = 256;

/** The logs of all groups. */
export class UnsafeLogRelay {
  readonly logs = new Map<ConversationId, UnsafeLog>();
  /** Every request that was heard, in order. */
  readonly heard: LogFrame[] = [];
  /** Entries below a checkpoint that are kept all the same. */
  keptEntries = 200;
  nowMs = 1_700_000_000_000;

  /**
   * One client's connection. `before` may hold or refuse a request; `after` may lose or change its answer.
   */
  side(hooks: {
    before?: (frame: LogFrame) => void | Promise<void>;
    after?: (frame: LogFrame, answer: Answer) => Answer | Promise<Answer>;
  }): LogRequestParts["relay"] {
    const request = async (frame: LogFrame): Promise<Answer> => {
      await hooks.before?.(frame);
      this.heard.push(frame);
      const answer = this.answer(frame);
      return (await hooks.after?.(frame, answer)) ?? answer;
    };
    return { anonymous: { request: request as never }, nowMs: () => this.nowMs };
  }

  /** The log of a group that there is. */
  log(group: ConversationId): UnsafeLog {
    const log = this.logs.get(group);
    if (log === undefined) throw new Error("no such log");
    return log;
  }

  private answer(frame: LogFrame): Answer {
    switch (frame.type) {
      case "createGroup":
        return this.create(frame);
      case "appendGroup":
        return this.append(frame);
      case "readGroup":
        return this.read(frame);
      case "putCheckpoint":
        return this.put(frame);
      default:
        return frame satisfies never;
    }
  }

  private create(frame: Frame<"createGroup">): Answer {
    const { group, accessKey, adminKey, entry, accessSignature, adminSignature } = frame;
    const text = groupCreateText(frame);
    if (!isBy(accessKey, text, accessSignature) || !isBy(adminKey, text, adminSignature))
      throw new SottoError("badSignature");
    const there = this.logs.get(group);
    if (there !== undefined) {
      const [first] = there.entries;
      if (first === undefined || !equalBytes(first.entry, entry)) throw new SottoError("groupExists");
      return { type: "groupAppended", id: 1, seq: 1, acceptedMs: first.acceptedMs };
    }
    const acceptedMs = this.tick();
    const entries = [{ seq: 1, acceptedMs, entry }];
    this.logs.set(group, { entries, present: { accessKey, adminKey }, former: [], checkpoint: undefined });
    return { type: "groupAppended", id: 1, seq: 1, acceptedMs };
  }

  private append(frame: Frame<"appendGroup">): Answer {
    const { group, expectedSeq, entry, next, signature } = frame;
    const log = this.logs.get(group);
    const text = groupAppendText(frame);
    if (log === undefined) throw new SottoError("groupNotFound");
    const isAdmin = isBy(log.present.adminKey, text, signature);
    const may = isAdmin || (next === undefined && isBy(log.present.accessKey, text, signature));
    const seq = headOf(log);
    const repeated = log.entries.find((one) => one.seq === expectedSeq + 1 && equalBytes(one.entry, entry));
    if (seq !== expectedSeq && repeated !== undefined)
      return { type: "groupAppended", id: 1, seq: repeated.seq, acceptedMs: repeated.acceptedMs };
    if (!may) throw new SottoError("groupNotFound");
    if (seq !== expectedSeq) return { type: "groupMoved", id: 1, seq };
    const acceptedMs = this.tick();
    log.entries.push({ seq: seq + 1, acceptedMs, entry });
    if (next !== undefined) {
      log.former.push({ ...log.present, endedBy: seq + 1 });
      log.present = next;
    }
    return { type: "groupAppended", id: 1, seq: seq + 1, acceptedMs };
  }

  private read(frame: Frame<"readGroup">): Answer {
    const { group, after, signature } = frame;
    const log = this.logs.get(group);
    if (log === undefined) throw new SottoError("groupNotFound");
    const text = groupReadText(frame);
    const head = isBy(log.present.accessKey, text, signature)
      ? headOf(log)
      : log.former.findLast(({ accessKey }) => isBy(accessKey, text, signature))?.endedBy;
    if (head === undefined) throw new SottoError("groupNotFound");
    const entries = log.entries.filter(({ seq }) => seq > after && seq <= head).slice(0, PAGE_ENTRIES);
    const isBroken = after < head && (entries.length === 0 || entries.some(({ seq }, at) => seq !== after + 1 + at));
    const isWanted = (isBroken || after === 0) && (log.checkpoint?.seq ?? head + 1) <= head;
    return { type: "groupEntries", id: 1, head, checkpoint: isWanted ? log.checkpoint : undefined, entries };
  }

  private put(frame: Frame<"putCheckpoint">): Answer {
    const { group, seq, body, signature } = frame;
    const log = this.logs.get(group);
    if (log === undefined || !isBy(log.present.adminKey, groupCheckpointText(frame), signature))
      throw new SottoError("groupNotFound");
    if (seq < 1 || seq > headOf(log)) throw new SottoError("badFrame");
    if (seq < (log.checkpoint?.seq ?? 0)) return { type: "done", id: 1 };
    log.checkpoint = { seq, body };
    const deleteBelow = Math.min(seq, headOf(log) - this.keptEntries + 1);
    const ends = new Set(log.former.map(({ endedBy }) => endedBy));
    log.entries = log.entries.filter((one) => one.seq >= deleteBelow || ends.has(one.seq));
    return { type: "done", id: 1 };
  }

  private tick(): number {
    this.nowMs += 10;
    return this.nowMs;
  }
}

function headOf({ entries }: UnsafeLog): number {
  return entries.at(-1)?.seq ?? 0;
}

function isBy(key: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  const spki = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: "der", type: "spki" });
  return verify(null, text, spki, signature);
}
