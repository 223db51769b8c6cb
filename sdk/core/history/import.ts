/** From the parts of an archive to timeline rows. However often a part comes, and whatever is here already, all ends alike. */

import { type AccountId, type ArchiveEntry, decodeContent, type Evidence, equalBytes } from "@sotto/protocol";
import { isShown } from "../consent/relations.js";
import { type ConversationState, Conversations } from "../conversations/conversations.js";
import { findContent } from "../conversations/find.js";
import { hidden } from "../conversations/incoming.js";
import { cursorOf } from "../conversations/items.js";
import { isAboutMessage, isPassing } from "../conversations/kind-roles.js";
import { placementOf } from "../conversations/placement.js";
import { pollIn } from "../conversations/polls.js";
import { contentHash, readStored } from "../conversations/stored-content.js";
import { wordAbout } from "../disappearing/words-about.js";
import type { EvidenceRows } from "../franking/evidence.js";
import { Genuine, type Wording } from "../franking/genuine.js";
import { nothing, type Plan } from "../inbox/plan.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { movedOn, rowOf } from "./entries.js";
import { type Standing, standingOf, wordIn } from "./standing-word.js";

/** What importing works with. */
export interface ImportParts {
  readonly store: SealedStore;
  readonly me: AccountId;
  readonly conversations: Pick<Conversations, "of">;
  readonly peers: Pick<Peers, "get">;
  readonly locks: KeyedLock;
  readonly evidence: Pick<EvidenceRows, "of" | "shown">;
  /** The evidence that another device hands over with words, if it is of these words. */
  handedOver(said: Wording, encoded: Uint8Array): Evidence | undefined;
  /** A new item is durable. */
  arrived(state: ConversationState, sequence: number): void;
}

/** An entry whose message is not here yet, with what came before it. */
interface New {
  readonly state: ConversationState;
  readonly entry: ArchiveEntry;
  /** None of a message that ended before it came here: it takes no place, and does not come again. */
  readonly row: Row<"item"> | undefined;
  /** What somebody said who only asked, or was declined, is kept and not told. */
  readonly isTold: boolean;
  /** What goes with it, by its place. In the turn of the commit. */
  readonly further: (sequence: number) => readonly StoreChange[];
}

/** An entry that is about a message, and is not here yet. */
interface NewWord extends Pick<New, "state" | "entry"> {
  /** The key of its index row. */
  readonly index: string;
}

/** Takes entries into the timelines. One import at a time, and none beside an envelope that is being taken. */
export class HistoryImport {
  constructor(private readonly parts: ImportParts) {}

  /**
   * Plans the new messages of a part. Those that are here already are moved on at once, in commits of their own that come
   * before the plan's: doing so again would change nothing, so a crash in between does no harm. So are new words about
   * messages, behind the messages they came with: an archive that begins at some time has what was said since of older
   * messages, and not those messages.
   *
   * Nobody but this import can bring a message of these ids meanwhile: what this device says has fresh ids, and mail is
   * taken one envelope at a time.
   */
  async plan(entries: readonly ArchiveEntry[]): Promise<Plan> {
    const found: New[] = [];
    const words: NewWord[] = [];
    const seen = new Set<string>();
    for (const entry of entries) {
      if (!isFit(entry, this.parts.me)) continue;
      const state = await this.parts.conversations.of(entry.peer);
      const index = keys.message(this.parts.store, state.timeline.id, entry.from, entry.messageId);
      // A part that names a message twice brings the rest with the next import of it; senders never do that.
      if (seen.has(index)) continue;
      seen.add(index);
      const stored = await this.parts.store.get(index);
      // Words that showed nothing when they came, because their message said them already, have no place yet.
      const isHere = stored !== undefined && decodeRow("messageIndex", stored).sequence > 0;
      if (isHere) await this.moveOn(state, entry, index);
      else if (wordIn(entry) !== undefined || setsTimer(entry)) words.push({ state, entry, index });
      // A message without a place ended here.
      else if (stored === undefined) found.push(await this.newOf(state, entry));
    }
    if (words.length === 0) return this.planOf(found);
    if (found.length > 0) this.commit(this.planOf(found));
    for (const word of words) await this.say(word);
    return nothing;
  }

  /** What an entry brings to report it, and its edit, with. What is here already stays. */
  private async reportable(entry: ArchiveEntry, endedMs?: number): Promise<readonly StoreChange[]> {
    const { evidence, handedOver } = this.parts;
    const changes: StoreChange[] = [];
    for (const [bytes, kept] of [
      [entry.content, entry.evidence],
      [entry.edit, entry.editEvidence],
    ]) {
      if (bytes === undefined || bytes.length === 0 || kept === undefined) continue;
      const encoded = bytes.slice();
      const wording = { content: decodeContent(encoded), encoded };
      const { conversation, sender, messageId } = wording.content;
      if ((await evidence.of(conversation, sender, messageId)) !== undefined) continue;
      const said = Genuine.fromOwnHistory(wording, handedOver(wording, kept));
      changes.push(...(await evidence.shown(said, { kind: "shown", endedMs })));
    }
    return changes;
  }

  private commit({ build, after }: Plan): void {
    // Commits are written in order, so the part's own commit, and its acknowledgement, come behind this one.
    this.parts.store.commit(build()).then(
      () => {
        for (const work of after) work();
      },
      () => undefined, // a failed commit ends the client, which says so itself
    );
  }

  /** A new word does here what it did there, by the rules for whatever comes; without its message it waits for that. */
  private async say({ state, entry, index }: NewWord): Promise<void> {
    await this.parts.locks.run(Conversations.lockKey(state), async () => {
      // A message that says it already, because it came with it, lacks nothing but the place of the word itself.
      const isSaid = (await this.standing(state, entry)) === "said";
      this.commit(isSaid ? this.planOf([await this.newOf(state, entry)]) : await this.saying(state, entry));
    });
    await this.moveOn(state, entry, index);
  }

  private async standing(state: ConversationState, entry: ArchiveEntry): Promise<Standing> {
    const word = wordIn(entry);
    return word === undefined ? "open" : standingOf(this.parts, state, word);
  }

  private async saying(state: ConversationState, entry: ArchiveEntry): Promise<Plan> {
    const { from, content, acceptedMs } = entry;
    const { me, peers, arrived } = this.parts;
    const { relation } = await peers.get(state.peer);
    const encoded = content.slice();
    const status = from === me ? "synced" : "received";
    const said = Genuine.fromOwnHistory({ content: decodeContent(encoded), encoded });
    const outcome = await state.writer.write({ said, atMs: acceptedMs, acceptedMs, status });
    const kept = outcome.kind === "refused" ? [] : await this.reportable(entry);
    let sequence: number | undefined;
    return {
      build: () => {
        const built = outcome.build();
        sequence = built.sequence;
        return [...built.changes, ...kept];
      },
      after: [
        () => {
          if (sequence !== undefined) {
            state.timeline.announce(sequence);
            if (isShown(relation)) arrived(state, sequence);
          }
          for (const telling of outcome.tellings) state.tell(telling);
        },
      ],
    };
  }

  private planOf(found: readonly New[]): Plan {
    const { store, arrived } = this.parts;
    const placed: (Pick<New, "state" | "isTold"> & { readonly sequence: number })[] = [];
    return {
      build: () =>
        found.flatMap(({ state, entry, row, isTold, further }) => {
          const { timeline } = state;
          if (row === undefined) return [this.ended(state, entry), ...further(0)];
          const { sequence, changes } = timeline.append(row, placementOf(row, 0));
          placed.push({ state, sequence, isTold });
          const value = encodeRow("messageIndex", { sequence, hash: entry.hash.slice() });
          return [
            ...changes,
            { key: keys.message(store, timeline.id, entry.from, entry.messageId), value },
            ...further(sequence),
          ];
        }),
      after: [
        () => {
          for (const { state, sequence, isTold } of placed) {
            state.timeline.announce(sequence);
            if (isTold) arrived(state, sequence);
          }
        },
      ],
    };
  }

  /** The row of a new message, with the words and the receipt that were here before it. */
  private async newOf(state: ConversationState, entry: ArchiveEntry): Promise<New> {
    const { writer, timeline } = state;
    const { early } = writer;
    const { relation } = await this.parts.peers.get(state.peer);
    const name = { sender: entry.from, messageId: entry.messageId };
    const plain = rowOf(entry);
    const known = await early.statusOf(plain.status, name);
    const isTold = isShown(relation);
    const present = { ...plain, status: known.status };
    // The archive does not say when it was read: as soon as it could be.
    const readMs = known.readMs ?? (present.status === "read" ? entry.acceptedMs : undefined);
    const endedMs = timeline.lives.overSince(present, readMs);
    const kept = await this.reportable(entry, endedMs);
    if (endedMs !== undefined) {
      const { release } = await early.words.about(entry.messageId);
      const further = () => [...known.release(), ...release(), ...kept];
      return { state, entry, row: undefined, isTold, further };
    }
    const { row, changes } = await early.meeting(present, name);
    const stands = await this.standsAbout(state, present);
    const begun = (at: number) => (readMs === undefined ? [] : timeline.lives.readBefore(at, present, readMs));
    const further = (at: number) => [...known.release(), ...changes(at), ...stands(at), ...begun(at), ...kept];
    return { state, entry, row, isTold, further };
  }

  /** Remembers that it was here once. */
  private ended({ timeline }: ConversationState, { from, messageId, hash }: ArchiveEntry): StoreChange {
    const key = keys.message(this.parts.store, timeline.id, from, messageId);
    return { key, value: encodeRow("messageIndex", { sequence: 0, hash: hash.slice() }) };
  }

  /** Where a word stands, for its message to take it along. */
  private async standsAbout({ timeline }: ConversationState, { content }: Row<"item">) {
    const word = content.length === 0 ? undefined : readStored(content);
    if (word === undefined || !isAboutMessage(word)) return () => [];
    const { store, me } = this.parts;
    return wordAbout({ store, timeline, me }, word);
  }

  private async moveOn(state: ConversationState, entry: ArchiveEntry, index: string): Promise<void> {
    const { store, locks } = this.parts;
    const { timeline } = state;
    const moved = await locks.run(Conversations.lockKey(state), async () => {
      const stored = await store.get(index);
      if (stored === undefined) return undefined;
      const { sequence, hash } = decodeRow("messageIndex", stored);
      const before = await timeline.row(sequence);
      // Another content under the same name: the one that was here first stays.
      if (before === undefined || !equalBytes(hash, entry.hash)) return undefined;
      const row = await this.rowAfter(state, before, entry);
      if (row === before) return undefined;
      const emptied = await this.withoutWords(state, before, row);
      const votes = await this.votesAfter(state, before, row);
      const isReadNow = before.status === "received" && row.status === "read";
      const begun = isReadNow ? await timeline.lives.read(sequence, row, row.acceptedMs ?? row.atMs) : () => [];
      const stands = before.shape === "hidden" ? (await this.standsAbout(state, row))(sequence) : [];
      const kept = await this.reportable(entry);
      const changes = [...timeline.move(sequence, before, row), ...emptied, ...votes, ...begun(), ...stands, ...kept];
      return { sequence, durable: store.commit(changes) };
    });
    if (moved === undefined) return;
    // Commits are written in order, so the part's own commit, and its acknowledgement, come behind this one.
    moved.durable.then(
      () => state.tell({ type: "changed", detail: { cursor: cursorOf(moved.sequence) } }),
      () => undefined, // a failed commit ends the client, which says so itself
    );
  }

  /** A place that was kept empty, because its words came before the message they are about, shows them now. */
  private async rowAfter(state: ConversationState, before: Row<"item">, entry: ArchiveEntry): Promise<Row<"item">> {
    if (before.shape !== "hidden" || entry.content.length === 0) return movedOn(before, entry);
    // The empty place of a message is that of one that ended, or was taken back.
    if (wordIn(entry) === undefined) return before;
    const standing = await this.standing(state, entry);
    return standing === "early" || standing === "void" ? before : rowOf(entry);
  }

  /** With a poll that was deleted its votes are gone; a vote whose place shows it only now is counted. */
  private async votesAfter(
    { writer: { votes }, reader }: ConversationState,
    before: Row<"item">,
    row: Row<"item">,
  ): Promise<readonly StoreChange[]> {
    const poll = pollIn(before);
    if (poll !== undefined && pollIn(row) === undefined) return votes.dropped(poll.messageId);
    if (before.shape !== "hidden" || row.content.length === 0) return [];
    const said = readStored(row.content);
    return said.kind === "vote" && (await reader.poll(said.target)) !== undefined ? votes.counted([said]) : [];
  }

  /** The item of an edit that another one replaced keeps no words, as if the later one had come here. */
  private async withoutWords(
    { timeline }: ConversationState,
    before: Row<"item">,
    { edit }: Row<"item">,
  ): Promise<readonly StoreChange[]> {
    if (before.edit === undefined || before.edit === edit) return [];
    const { messageId, sender } = readStored(before.edit);
    const item = await findContent(this.parts.store, timeline, messageId, sender);
    if (item?.row === undefined) return [];
    return timeline.move(item.sequence, item.row, hidden(sender, item.row.atMs));
  }
}

function setsTimer({ content }: ArchiveEntry): boolean {
  return content.length > 0 && readStored(content).kind === "timer";
}

/** An own device is trusted, but what it passes on was once somebody else's: bytes that are no content would end every reader. */
function isFit(entry: ArchiveEntry, me: AccountId): boolean {
  const { peer, from, content, hash, deletedMs, edit, messageId } = entry;
  if (peer === me || (from !== me && from !== peer)) return false;
  if (deletedMs !== undefined) return content.length === 0;
  try {
    const said = decodeContent(content);
    if (said.messageId !== messageId || said.sender !== from || isPassing(said.kind)) return false;
    if (edit !== undefined && decodeContent(edit).kind !== "edit") return false;
  } catch {
    return false;
  }
  return equalBytes(contentHash(content), hash);
}
