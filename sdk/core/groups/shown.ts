/**
 * What this account was shown of how its groups are called and look. A log says it without a frank, so nothing of it is shown
 * before somebody said the same in a content that can be reported, or before this account said it itself.
 */

import {
  type AccountId,
  type ConversationId,
  digest,
  encodeRecord,
  equalBytes,
  field,
  type GroupState,
  labelled,
  limits,
} from "@sotto/protocol";
import type { ShownChange } from "../conversations/group-change.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Titles and pictures that are remembered as stated, the latest ones, for the items that tell of them. */
export const MAX_STATED = 64;

/** How a group is called and looks. */
export type Looks = Pick<GroupState, "title" | "avatar">;

const { record, text } = field;
const titleOnly = record({ title: text(limits.groupTitleBytes.value) });
const NOTHING = new Uint8Array(0);
const NO_LOOKS: Looks = { title: "", avatar: NOTHING };

/** The rows, in memory as long as the client runs: each holds a picture of 16 KiB at most. */
export class Shown {
  private readonly rows = new Map<ConversationId, Row<"shown">>();

  constructor(private readonly store: SealedStore) {}

  /** Reads what an earlier run kept. */
  async load(): Promise<void> {
    for await (const { value } of eachRow(this.store, keys.showns)) {
      const row = decodeRow("shown", value);
      this.rows.set(row.group, row);
    }
  }

  /** What is shown of a group whose log says this: that, if it was stated; else what was stated last. */
  of(group: ConversationId, said: Looks): Looks {
    const row = this.rows.get(group);
    if (row === undefined) return { title: "", avatar: NOTHING };
    return equalBytes(row.hash, hashOf(said)) ? said : { title: row.title, avatar: row.avatar };
  }

  /** Whether everything that the log says is shown. */
  isWhole(group: ConversationId, said: Looks): boolean {
    return areSame(this.of(group, said), said);
  }

  /** Whether a title or a picture was ever stated: then it says something that there is none. */
  wasNamed(group: ConversationId): boolean {
    const none = [titleHash(NO_LOOKS.title), avatarHash(NO_LOOKS.avatar)];
    const stated = this.rows.get(group)?.stated ?? [];
    return stated.some((hash) => !none.some((other) => equalBytes(other, hash)));
  }

  /** What other own devices are told: that this was stated; `undefined` if it was not. */
  told(group: ConversationId, said: Looks | undefined): Uint8Array | undefined {
    return said !== undefined && this.rows.has(group) && this.isWhole(group, said) ? hashOf(said) : undefined;
  }

  /** An entry of the log as its item shows it: without the title or picture that nobody stated. */
  inItem(group: ConversationId, change: ShownChange): ShownChange {
    if (change.kind !== "settings") return change;
    const { title, avatar, ...rest } = change.changed;
    const stated = this.rows.get(group)?.stated ?? [];
    const isStated = (hash: Uint8Array) => stated.some((one) => equalBytes(one, hash));
    return {
      ...change,
      changed: {
        ...rest,
        title: title !== undefined && (title === "" || isStated(titleHash(title))) ? title : undefined,
        avatar: avatar !== undefined && (avatar.length === 0 || isStated(avatarHash(avatar))) ? avatar : undefined,
      },
    };
  }

  /**
   * Somebody stated how a group is called, or looks, or both. Answers the change, which the caller commits in the same turn;
   * none if that was shown before.
   */
  stating(group: ConversationId, by: AccountId, stated: Partial<Looks>): readonly StoreChange[] {
    const before = this.rows.get(group);
    const title = stated.title ?? before?.title ?? "";
    const avatar = (stated.avatar ?? before?.avatar ?? NOTHING).slice();
    const hashes = [
      ...(stated.title === undefined ? [] : [titleHash(stated.title)]),
      ...(stated.avatar === undefined ? [] : [avatarHash(stated.avatar)]),
    ];
    const known = (before?.stated ?? []).filter((one) => !hashes.some((hash) => equalBytes(hash, one)));
    const hash = hashOf({ title, avatar });
    const isSame = before !== undefined && title === before.title && equalBytes(avatar, before.avatar);
    if (isSame && equalBytes(hash, before.hash)) return [];
    return [this.put({ group, by, title, avatar, hash, stated: [...hashes, ...known].slice(0, MAX_STATED) })];
  }

  /** Somebody stated what the log does not say now: items of the log that say it may show it. */
  remembering(group: ConversationId, by: AccountId, { title, avatar }: Looks): readonly StoreChange[] {
    const before = this.rows.get(group) ?? {
      group,
      by,
      title: "",
      avatar: NOTHING,
      hash: hashOf(NO_LOOKS),
      stated: [],
    };
    const hashes = [titleHash(title), avatarHash(avatar)];
    const known = before.stated.filter((one) => !hashes.some((hash) => equalBytes(hash, one)));
    if (known.length === before.stated.length - hashes.length) return [];
    return [this.put({ ...before, stated: [...hashes, ...known].slice(0, MAX_STATED) })];
  }

  /** Another own device was shown what has this hash: it is shown here too, once the log says it. */
  adopting(group: ConversationId, by: AccountId, hash: Uint8Array): readonly StoreChange[] {
    const before = this.rows.get(group) ?? { group, by, title: "", avatar: NOTHING, stated: [] };
    return [this.put({ ...before, hash: hash.slice() })];
  }

  /** The log says what another own device was shown: from here on it is this device's to show, whatever the log says next. */
  meeting(group: ConversationId, said: Looks): readonly StoreChange[] {
    const row = this.rows.get(group);
    if (row === undefined || !equalBytes(row.hash, hashOf(said)) || areSame(row, said)) return [];
    return this.stating(group, row.by, said);
  }

  private put(row: Row<"shown">): StoreChange {
    this.rows.set(row.group, row);
    return { key: keys.shown(this.store, row.group), value: encodeRow("shown", row) };
  }
}

/** Whether two groups look alike. */
export function areSame(one: Looks, other: Looks): boolean {
  return one.title === other.title && equalBytes(one.avatar, other.avatar);
}

function hashOf({ title, avatar }: Looks): Uint8Array {
  return digest(labelled("sotto/group-looks/1", spelled(title), avatar));
}

/** In one spelling, which is all that a hash asks for. */
function spelled(title: string): Uint8Array {
  return encodeRecord(titleOnly, { title });
}

function titleHash(title: string): Uint8Array {
  return digest(labelled("sotto/group-title/1", spelled(title)));
}

function avatarHash(avatar: Uint8Array): Uint8Array {
  return digest(labelled("sotto/group-avatar/1", avatar));
}
