/** From timeline rows to the parts of an archive: conversation by conversation, in the order in which messages came. */

import {
  type AccountId,
  type ArchiveEntry,
  encodeEvidence,
  encodeOwnBody,
  limits,
  MAX_ENTRIES_PER_ARCHIVE,
  type MessageId,
} from "@sotto/protocol";
import { placesSince } from "../conversations/placement.js";
import { contentHash, readStored } from "../conversations/stored-content.js";
import type { EvidenceRows } from "../franking/evidence.js";
import { decodeRow, eachRow, keys, orderOf, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { entryOf, nameOf } from "./entries.js";

/** Rows read at once. */
const PAGE = 64;
/** What a part's own fields take at most. */
const FRAME_BYTES = 128;
const MAX_PART_BYTES = limits.ownBodyBytes.value - FRAME_BYTES;

/** Where an export stands: the conversation it is in, and the last place that was taken. */
export interface Position {
  readonly conversation: Row<"transfer">["conversation"];
  readonly after: number;
}

/** One step of an export: mostly one part; a message with more reactions than fit beside it takes several. */
export interface Step {
  readonly parts: readonly (readonly ArchiveEntry[])[];
  /** How many messages that is. */
  readonly messages: number;
  readonly position: Position;
  /** Whether everything was taken. */
  readonly end: "no" | "yes";
}

interface Walked {
  readonly id: NonNullable<Position["conversation"]>;
  readonly peer: AccountId;
}

/** Reads the history of this device. Changes nothing. */
export class HistoryExport {
  constructor(
    private readonly store: SealedStore,
    private readonly evidence: Pick<EvidenceRows, "of">,
  ) {}

  /** How many messages there are at or after a time; some of them may turn out to show nothing. */
  async count(sinceMs: number): Promise<number> {
    let total = 0;
    for (const { id } of await this.conversations()) {
      for await (const _place of placesSince(this.store, id, sinceMs)) total += 1;
    }
    return total;
  }

  /** As many messages behind a position as one part holds. A content is never cut. */
  async step(position: Position, sinceMs: number): Promise<Step> {
    const entries: ArchiveEntry[] = [];
    let bytes = 0;
    let { conversation, after } = position;
    for (const walked of await this.conversations()) {
      if (conversation !== undefined && walked.id < conversation) continue;
      if (walked.id !== conversation) after = (await this.firstPlace(walked.id, sinceMs)) - 1;
      conversation = walked.id;
      for await (const { sequence, row } of this.rowsBehind(walked.id, after)) {
        if ((row.acceptedMs ?? row.atMs) >= sinceMs) {
          const pieces = await this.pieces(walked, row);
          const size = pieces.reduce((sum, piece) => sum + sizeOf(piece), 0);
          const isFull = entries.length === MAX_ENTRIES_PER_ARCHIVE || bytes + size > MAX_PART_BYTES;
          const position = { conversation, after };
          if (isFull && entries.length > 0) return { parts: [entries], messages: entries.length, position, end: "no" };
          if (isFull) {
            const parts = pieces.map((piece) => [piece]);
            return { parts, messages: 1, position: { conversation, after: sequence }, end: "no" };
          }
          entries.push(...pieces);
          bytes += size;
        }
        after = sequence;
      }
    }
    return { parts: [entries], messages: entries.length, position: { conversation, after }, end: "yes" };
  }

  /** Conversations in the order of their ids, which is the same however often it is asked for. */
  private async conversations(): Promise<readonly Walked[]> {
    const found: Walked[] = [];
    for await (const { value } of eachRow(this.store, keys.conversations)) {
      const { conversation, peer } = decodeRow("conversation", value);
      if (peer !== undefined) found.push({ id: conversation, peer });
    }
    return found.sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** The first place that holds something at or after a time; behind the last if there is none. */
  private async firstPlace(id: Walked["id"], sinceMs: number): Promise<number> {
    if (sinceMs === 0) return 1;
    let first = Number.MAX_SAFE_INTEGER;
    for await (const place of placesSince(this.store, id, sinceMs)) first = Math.min(first, place);
    return first;
  }

  private async *rowsBehind(id: Walked["id"], after: number) {
    let spanned = range(keys.timeline(this.store, id), PAGE, after);
    for (;;) {
      const page = await this.store.list(spanned);
      for (const { key, value } of page) yield { sequence: orderOf(key), row: decodeRow("item", value) };
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      spanned = { ...spanned, after: last.key };
    }
  }

  /** The entry of a row; several that differ in their reactions where one would not fit into a part. */
  private async pieces({ id, peer }: Walked, row: Row<"item">): Promise<readonly ArchiveEntry[]> {
    const name = nameOf(row);
    if (name === undefined) return [];
    const hash = await this.hashOf(id, row, name.messageId);
    const entry = entryOf(peer, row, { hash, ...(await this.evidenceOf(id, row, name.messageId)) });
    return entry === undefined ? [] : split(entry);
  }

  /** Of what was deleted the words do not travel, and so neither does what proves them. */
  private async evidenceOf(id: Walked["id"], { from, edit, deletedMs }: Row<"item">, messageId: MessageId) {
    if (deletedMs !== undefined) return {};
    const kept = await this.evidence.of(id, from, messageId);
    const ofEdit = edit && (await this.evidence.of(id, from, readStored(edit).messageId));
    return {
      ...(kept && { evidence: encodeEvidence(kept.evidence) }),
      ...(ofEdit && { editEvidence: encodeEvidence(ofEdit.evidence) }),
    };
  }

  /** Of a message that was deleted only the index knows the hash. */
  private async hashOf(id: Walked["id"], { from, content, deletedMs }: Row<"item">, messageId: string) {
    if (deletedMs === undefined) return contentHash(content);
    const stored = await this.store.get(keys.message(this.store, id, from, messageId));
    return stored === undefined ? new Uint8Array(32) : decodeRow("messageIndex", stored).hash;
  }
}

/** The longest content with its longest edit fits; hundreds of reactions beside them may not, and travel apart. */
function split(entry: ArchiveEntry): readonly ArchiveEntry[] {
  if (sizeOf(entry) <= MAX_PART_BYTES) return [entry];
  return [{ ...entry, reactions: [] }, ...halves(entry)];
}

function halves(entry: ArchiveEntry): readonly ArchiveEntry[] {
  const middle = Math.ceil(entry.reactions.length / 2);
  const { edit: _edit, evidence: _evidence, editEvidence: _editEvidence, ...plain } = entry;
  return [entry.reactions.slice(0, middle), entry.reactions.slice(middle)].map((reactions) => ({
    ...plain,
    reactions,
  }));
}

function sizeOf(entry: ArchiveEntry): number {
  return encodeOwnBody("archive", {
    transfer: new Uint8Array(16),
    part: 0,
    last: "no",
    done: 0,
    total: 0,
    entries: [entry],
  }).length;
}
