/**
 * The evidence this device keeps: of everything that was shown, with a copy of its words, so that it can be reported also once
 * it is gone from its conversation. For as long as the desk holds the keys that prove anything.
 */

import {
  type AccountId,
  type Content,
  type ConversationId,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  type MessageId,
  REPORT_WINDOW_MS,
} from "@sotto/protocol";
import type { Outcome } from "../conversations/incoming.js";
import { readStored } from "../conversations/stored-content.js";
import { messageOf } from "../disappearing/lifetime.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Genuine } from "./genuine.js";

/** How long after its end a message that disappears can be reported. Both sides are told so. */
export const REPORTABLE_AFTER_END_MS = 24 * 3_600_000;
/** Rows of one commit. */
const BATCH = 256;

/** What is kept of one content. */
export interface KeptEvidence {
  readonly evidence: Evidence;
  /** Its canonical bytes: the committed form is made from them, and they name blobs with their keys. */
  readonly content: Uint8Array;
  /** The relay's clock when it took it, as the stamp says. */
  readonly acceptedMs: number;
  /** Of what this account said to a group: how far its log was read then. */
  readonly standing?: Row<"evidence">["standing"];
  /** From then on it cannot be reported. */
  readonly untilMs: number;
}

/** Until when what the relay took at a time can be reported, if nothing ends it sooner. */
export function reportableUntil(acceptedMs: number): number {
  return acceptedMs + REPORT_WINDOW_MS;
}

/** The rows. */
export class EvidenceRows {
  constructor(private readonly store: SealedStore) {}

  /** The changes that keep the evidence of a content, for the commit that shows it. The same content's replaces what was kept. */
  keeping({ evidence, content: encoded, acceptedMs, standing, untilMs }: KeptEvidence): readonly StoreChange[] {
    const content = readStored(encoded);
    const { conversation, sender, counter, messageId } = content;
    const row: Row<"evidence"> = {
      ...{ conversation, acceptedMs, standing, untilMs },
      ...{ evidence: encodeEvidence(evidence), content: encoded },
    };
    const key = keys.evidence(this.store, conversation, { sender, acceptedMs, counter, messageId });
    const index = encodeRow("evidenceIndex", { key });
    return [
      { key, value: encodeRow("evidence", row) },
      ...this.indexKeys(content).map((name) => ({ key: name, value: index })),
      ...this.ending(conversation, key, row),
    ];
  }

  /** The changes that go with a content that somebody else said, by what it came to here: what shows nothing leaves nothing. */
  async shown(
    said: Genuine,
    { kind, endedMs }: Pick<Outcome, "kind" | "endedMs">,
    standing?: KeptEvidence["standing"],
  ): Promise<readonly StoreChange[]> {
    const {
      evidence,
      encoded: content,
      content: { conversation, messageId },
    } = said;
    if (evidence === undefined || kind === "duplicate" || kind === "refused") return [];
    const { acceptedMs } = evidence.head;
    const longest = reportableUntil(acceptedMs);
    if (endedMs === undefined) return this.keeping({ evidence, content, acceptedMs, standing, untilMs: longest });
    // It ended before it came here, and so did what was said about it.
    const untilMs = Math.min(longest, endedMs + REPORTABLE_AFTER_END_MS);
    const words = await this.endingBy(conversation, messageId, untilMs);
    return [...this.keeping({ evidence, content, acceptedMs, standing, untilMs }), ...words];
  }

  /** The evidence of a content by its sender and id: `undefined` if there is none, or none any more. */
  async of(conversation: ConversationId, sender: AccountId, messageId: MessageId): Promise<KeptEvidence | undefined> {
    const key = keys.evidenceOf(this.store, conversation, { sender, messageId, about: messageId });
    const index = await this.store.get(key);
    return index === undefined ? undefined : this.at(decodeRow("evidenceIndex", index).key);
  }

  /** The evidence of a message and of everything that was said about it, by whomever, in the order in which the relay took it. */
  async about(conversation: ConversationId, messageId: MessageId): Promise<readonly KeptEvidence[]> {
    const names: string[] = [];
    for await (const { value } of eachRow(this.store, keys.evidenceAbout(this.store, conversation, messageId)))
      names.push(decodeRow("evidenceIndex", value).key);
    const found = await Promise.all(names.sort().map((name) => this.at(name)));
    return found.filter((one) => one !== undefined);
  }

  /** Everything of a conversation that the relay took in a span of time, both ends included, in that order. */
  async *between(
    conversation: ConversationId,
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): AsyncGenerator<KeptEvidence> {
    const { store } = this;
    const before = keys.evidenceFrom(store, conversation, toMs + 1);
    let after = keys.evidenceFrom(store, conversation, Math.max(0, fromMs));
    for (;;) {
      const page = await store.list({ after, before, limit: BATCH, order: "ascending" });
      for (const { value } of page) yield kept(decodeRow("evidence", value));
      const last = page.at(-1);
      if (last === undefined || page.length < BATCH) return;
      after = last.key;
    }
  }

  /** The changes by which the evidence of a message, and of what was said about it, goes at a time, if not sooner. */
  async endingBy(conversation: ConversationId, messageId: MessageId, untilMs: number): Promise<readonly StoreChange[]> {
    const changes: StoreChange[] = [];
    for await (const { value } of eachRow(this.store, keys.evidenceAbout(this.store, conversation, messageId))) {
      const { key } = decodeRow("evidenceIndex", value);
      const stored = await this.store.get(key);
      if (stored === undefined) continue;
      const row = decodeRow("evidence", stored);
      if (row.untilMs <= untilMs) continue;
      const sooner = { ...row, untilMs };
      changes.push({ key, value: encodeRow("evidence", sooner) }, ...this.ending(conversation, key, sooner));
    }
    return changes;
  }

  /** Deletes what cannot be reported any more. Resolves once that is durable. */
  async sweep(nowMs: number): Promise<void> {
    await this.sweepEnded(nowMs);
    await this.sweepOld(nowMs - REPORT_WINDOW_MS);
  }

  /** What ends with its time needs no row that says so. */
  private ending(
    conversation: ConversationId,
    key: string,
    { acceptedMs, untilMs }: Row<"evidence">,
  ): readonly StoreChange[] {
    if (untilMs >= reportableUntil(acceptedMs)) return [];
    const value = encodeRow("evidenceEnd", { conversation, key });
    return [{ key: keys.evidenceEnd(this.store, untilMs, key), value }];
  }

  private async sweepEnded(nowMs: number): Promise<void> {
    const { store } = this;
    const before = keys.evidenceEndsAt(store, nowMs + 1);
    for (let after: string = keys.evidenceEnds; ; ) {
      const page = await store.list({ after, before, limit: BATCH, order: "ascending" });
      const changes: StoreChange[] = [];
      for (const { key, value } of page) {
        changes.push({ key, value: undefined });
        const named = decodeRow("evidenceEnd", value).key;
        const stored = await store.get(named);
        const row = stored === undefined ? undefined : decodeRow("evidence", stored);
        if (row !== undefined && row.untilMs <= nowMs) changes.push(...this.dropping(named, row));
      }
      if (changes.length > 0) await store.commit(changes);
      const last = page.at(-1);
      if (last === undefined || page.length < BATCH) return;
      after = last.key;
    }
  }

  /** Conversation by conversation: within each, the oldest come first. */
  private async sweepOld(takenBeforeMs: number): Promise<void> {
    const { store } = this;
    for (let after: string = keys.evidences; ; ) {
      const [first] = await store.list({ after, before: AFTER_EVIDENCES, limit: 1, order: "ascending" });
      if (first === undefined) return;
      const { conversation } = decodeRow("evidence", first.value);
      await this.sweepIn(conversation, takenBeforeMs);
      after = `${keys.evidencesIn(store, conversation).slice(0, -1)}0`;
    }
  }

  private async sweepIn(conversation: ConversationId, takenBeforeMs: number): Promise<void> {
    const { store } = this;
    const before = keys.evidenceFrom(store, conversation, takenBeforeMs);
    for (let after = keys.evidencesIn(store, conversation); ; ) {
      const page = await store.list({ after, before, limit: BATCH, order: "ascending" });
      if (page.length > 0)
        await store.commit(page.flatMap(({ key, value }) => this.dropping(key, decodeRow("evidence", value))));
      const last = page.at(-1);
      if (last === undefined || page.length < BATCH) return;
      after = last.key;
    }
  }

  private dropping(key: string, { content: encoded }: Row<"evidence">): readonly StoreChange[] {
    return [key, ...this.indexKeys(readStored(encoded))].map((name) => ({ key: name, value: undefined }));
  }

  /** By its own name, and by that of the message it is about. */
  private indexKeys(content: Content): readonly string[] {
    const { conversation, sender, messageId } = content;
    const names = new Set([messageId, messageOf(content)]);
    return [...names].map((about) => keys.evidenceOf(this.store, conversation, { sender, messageId, about }));
  }

  private async at(name: string): Promise<KeptEvidence | undefined> {
    const stored = await this.store.get(name);
    return stored === undefined ? undefined : kept(decodeRow("evidence", stored));
  }
}

const AFTER_EVIDENCES = `${keys.evidences.slice(0, -1)}0`;

function kept({ evidence, content, acceptedMs, standing, untilMs }: Row<"evidence">): KeptEvidence {
  return { evidence: decodeEvidence(evidence), content, acceptedMs, standing, untilMs };
}
