/**
 * The state machine of a group: entries of its log in, states out. Pure, so that all who read the same log agree. No clock,
 * no store and no chance; the engine's signature check is handed in.
 *
 *   log ──entry 1──▶ begun ──entry──▶ applied │ ignored ──entry──▶ … ──the last member leaves──▶ ended (ignores everything)
 */

import {
  type ConversationId,
  equalBytes,
  type GroupEntry,
  type GroupEntryBody,
  type GroupState,
  SottoError,
} from "@sotto/protocol";
import { changed, kept, keptKeys } from "./changes.js";
import type { GroupEffect } from "./effects.js";
import { identityKeyOf } from "./permissions.js";
import { breachOf, type RuleBreach } from "./rules.js";
import { carriesExactly, isCurveKey, secretsNeeded } from "./secrets-needed.js";

/** Numbers of entries are 32 bits. */
const MAX_SEQ = 0xffff_ffff;

/** Whether a signature over `text` is by this identity key; false for anything malformed. The engine's `verify`. */
export type Verify = (identityKey: Uint8Array, text: Uint8Array, signature: Uint8Array) => boolean;

/** Why an entry does not count. */
export type IgnoredReason =
  /** It did not open under its epoch's key, or is no entry. */
  | "unreadable"
  | "otherGroup"
  /** Its `previous` is not the last valid entry: a replay, or its author had read less. */
  | "notNext"
  /** Its author is neither in the group nor invited. */
  | "strangeAuthor"
  | "badSignature"
  /** It says who creates a group that exists. */
  | "secondCreate"
  /** It lacks a new secret that it must carry, carries one that it must not, or for others than it must. */
  | "wrongSecrets"
  | RuleBreach["code"];

/** What an entry came to. An ignored one leaves nothing but its number. */
export type AppliedEntry =
  | { readonly kind: "applied"; readonly state: GroupState; readonly effects: readonly GroupEffect[] }
  | { readonly kind: "ignored"; readonly state: GroupState; readonly reason: IgnoredReason };

/** What the first entry of a log came to. */
export type BegunGroup =
  | { readonly kind: "begun"; readonly state: GroupState; readonly effects: readonly GroupEffect[] }
  | { readonly kind: "refused"; readonly reason: IgnoredReason };

/** An entry as it stood in the log; `entry` is `undefined` if it did not open in the state's epoch, or does not decode. */
export interface LoggedEntry {
  readonly seq: number;
  readonly entry: GroupEntry | undefined;
}

/** The state that the first entry of a log begins. A log whose first entry is refused is no group's. */
export function beginGroup(group: ConversationId, entry: GroupEntry | undefined, verify: Verify): BegunGroup {
  if (entry === undefined) return refused("unreadable");
  const { change, author, previous } = entry;
  if (entry.group !== group) return refused("otherGroup");
  if (change.kind !== "create" || previous.some((byte) => byte !== 0)) return refused("notNext");
  if (!isCurveKey(change.identityKey) || !isCurveKey(change.wrapKey)) return refused("invalidArgument");
  if (!verify(change.identityKey, entry.text, entry.signature)) return refused("badSignature");
  const state: GroupState = {
    group,
    seq: 1,
    head: entry.hash,
    maxAccounts: change.maxAccounts,
    epoch: 1,
    audience: 1,
    epochSeq: 1,
    checkpointSeq: 0,
    rotation: "none",
    members: [
      { account: author, role: "owner", joinedSeq: 1, identityKey: kept(change.identityKey), ...keptKeys(change) },
    ],
    waiting: [],
    invited: [],
    ...settingsOf(change),
  };
  return { kind: "begun", state, effects: [{ kind: "created", by: author }] };
}

function refused(reason: IgnoredReason): BegunGroup {
  return { kind: "refused", reason };
}

function settingsOf(change: GroupEntryBody<"create">) {
  const { invite = "members", write = "members", edit = "members", approval = "off" } = change;
  const { timerMs = 0, title = "", avatar = new Uint8Array(0) } = change;
  return { invite, write, edit, approval, timerMs, title, avatar: kept(avatar) };
}

/**
 * The state behind one more entry, whatever it is. An entry never throws: one that breaks a rule is ignored by everybody.
 *
 * @throws invalidArgument if the number is not the next one: the caller has lost entries.
 */
export function applyEntry(state: GroupState, { seq, entry }: LoggedEntry, verify: Verify): AppliedEntry {
  if (seq !== state.seq + 1 || seq > MAX_SEQ)
    throw new SottoError("invalidArgument", { detail: "a group's entries are applied one after the other" });
  const reason = entry === undefined ? "unreadable" : faultOf(state, entry, verify);
  if (entry === undefined || reason !== undefined || entry.change.kind === "create")
    return { kind: "ignored", state: { ...state, seq }, reason: reason ?? "secondCreate" };
  const { next, effects } = changed(state, { change: entry.change, by: entry.author, seq });
  return { kind: "applied", state: { ...next, seq, head: entry.hash }, effects };
}

/** Cheap checks first; nobody is blamed for what it did not sign. */
function faultOf(state: GroupState, entry: GroupEntry, verify: Verify): IgnoredReason | undefined {
  const { change, author } = entry;
  if (entry.group !== state.group) return "otherGroup";
  if (!equalBytes(entry.previous, state.head)) return "notNext";
  const identityKey = identityKeyOf(state, author);
  if (identityKey === undefined) return "strangeAuthor";
  if (!verify(identityKey, entry.text, entry.signature)) return "badSignature";
  if (change.kind === "create") return "secondCreate";
  const breach = breachOf(state, author, change);
  if (breach !== undefined) return breach.code;
  return carriesExactly(secretsNeeded(state, author, change), change) ? undefined : "wrongSecrets";
}
