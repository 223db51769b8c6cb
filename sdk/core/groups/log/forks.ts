/**
 * Finds out whether the relay shows its members different logs: what others claim to have read is compared with what was read
 * here, and so is what the relay shows now with what it showed before.
 */

import { type AccountId, type ConversationId, equalBytes, type GroupStanding, type GroupState } from "@sotto/protocol";
import type { StoreChange } from "../../ports.js";
import { decodeRow, encodeRow, keys, orderOf, type Row, range } from "../../rows.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import { identityKeyOf } from "../state/permissions.js";
import type { GroupCrypto } from "./group-keys.js";
import type { KnownEntry, LogBatch } from "./log-reader.js";
import type { WalkedEntry } from "./log-walk.js";

/** Heads that are kept of a group: older claims are not compared. */
const KEPT_HEADS = 512;
/** How far the clocks of authors may be ahead of the relay's. */
const CLOCKS_MS = 60 * 60_000;

/** Where two logs of one group were seen: in what the relay showed, or in what an account says it was shown. */
export interface GroupFork {
  readonly group: ConversationId;
  /** `relay`: proven here. An account: it says so, or signed it; it may be the one who is wrong. */
  readonly seenBy: "relay" | AccountId;
}

/** What looking for forks works with. */
export interface ForkParts {
  readonly store: SealedStore;
  readonly engine: Pick<GroupCrypto["engine"], "verify">;
  fork(fork: GroupFork): void;
}

/** Keeps heads and compares. */
export class Forks {
  private readonly told = new Set<string>();
  private readonly proven = new Set<ConversationId>();

  constructor(private readonly parts: ForkParts) {}

  /** The changes that keep the heads behind these entries, and drop those that are too old. */
  async changes(group: ConversationId, { walked, from }: LogBatch): Promise<readonly StoreChange[]> {
    const { store } = this.parts;
    const kept = walked.slice(-KEPT_HEADS).map(({ seq, acceptedMs, after: { head } }) => ({
      key: keys.groupHead(store, group, seq),
      value: encodeRow("groupHead", { head, acceptedMs }),
    }));
    const old = from === "position" ? oldOf(walked) : await this.oldBefore(group, walked.at(-1));
    return [...old.map((seq) => ({ key: keys.groupHead(store, group, seq), value: undefined })), ...kept];
  }

  /** What is kept of the last entry that was read. */
  async known(state: GroupState): Promise<KnownEntry | undefined> {
    const { group, seq } = state;
    const last = await this.head(group, seq);
    if (last === undefined) return undefined;
    const before = await this.head(group, seq - 1);
    const counted = before !== undefined && !equalBytes(before.head, last.head);
    return { seq, acceptedMs: last.acceptedMs, hash: counted ? last.head : undefined };
  }

  /** Somebody says which head it read at an entry that was read here, too. */
  async compare({ id, revision, head }: GroupStanding, from: AccountId): Promise<void> {
    const known = await this.head(id, revision);
    if (known !== undefined && !equalBytes(known.head, head)) this.seen({ group: id, seenBy: from });
  }

  /**
   * Looks at entries that do not follow the last valid one. Who was shown this log signs none that follows an entry which is
   * not in it: if somebody did, it was shown another. Entries that are only appended again follow one that is; where what was
   * read does not go back to the first entry, one signed before it may be such a one.
   */
  async inspect(group: ConversationId, walked: readonly WalkedEntry[]): Promise<void> {
    const strange = walked.filter(({ outcome }) => outcome.kind === "ignored" && outcome.reason === "notNext");
    if (strange.length === 0) return;
    const { store, engine } = this.parts;
    const stored = await store.list(range(keys.groupHeads(store, group), KEPT_HEADS * 2));
    const [oldest] = stored.map(({ key, value }) => ({ seq: orderOf(key), ...decodeRow("groupHead", value) }));
    const unreadMs = oldest === undefined || oldest.seq === 1 ? 0 : oldest.acceptedMs + CLOCKS_MS;
    const heads = [
      ...stored.map(({ value }) => decodeRow("groupHead", value).head),
      ...walked.map(({ after }) => after.head),
    ];
    for (const { entry, before } of strange) {
      if (entry === undefined || before === undefined || entry.group !== group || entry.atMs < unreadMs) continue;
      const identityKey = identityKeyOf(before, entry.author);
      if (identityKey === undefined || !engine.verify(identityKey, entry.text, entry.signature)) continue;
      const isOld =
        heads.some((head) => equalBytes(head, entry.previous)) || entry.previous.every((byte) => byte === 0);
      if (!isOld) this.seen({ group, seenBy: entry.author });
    }
  }

  /** Two logs were seen; told once for each group and witness. */
  seen(fork: GroupFork): void {
    if (fork.seenBy === "relay") this.proven.add(fork.group);
    const name = `${fork.group}/${fork.seenBy}`;
    if (this.told.has(name)) return;
    this.told.add(name);
    this.parts.fork(fork);
  }

  /** Whether the relay itself was caught in this run. What an account says is its word: it must not silence a group. */
  isProven(group: ConversationId): boolean {
    return this.proven.has(group);
  }

  /** A checkpoint was jumped to: how many heads lie before it is not known. */
  private async oldBefore(group: ConversationId, last: WalkedEntry | undefined): Promise<readonly number[]> {
    const { store } = this.parts;
    const stored = await store.list(range(keys.groupHeads(store, group), KEPT_HEADS * 2));
    return stored.map(({ key }) => orderOf(key)).filter((seq) => seq <= (last?.seq ?? 0) - KEPT_HEADS);
  }

  private async head(group: ConversationId, seq: number): Promise<Row<"groupHead"> | undefined> {
    const { store } = this.parts;
    if (seq < 1) return undefined;
    const stored = await store.get(keys.groupHead(store, group, seq));
    return stored === undefined ? undefined : decodeRow("groupHead", stored);
  }
}

/** With each entry one goes. */
function oldOf(walked: readonly WalkedEntry[]): readonly number[] {
  return walked.map(({ seq }) => seq - KEPT_HEADS).filter((seq) => seq > 0);
}
