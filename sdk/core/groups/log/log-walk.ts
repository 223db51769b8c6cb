/** One entry after the other: opens, judges and applies what a log holds, and takes the secrets that it hands over. Pure. */

import {
  type AccountId,
  type ConversationId,
  decodeGroupEntry,
  type Frame,
  type GroupEntry,
  type GroupState,
  SottoError,
} from "@sotto/protocol";
import { applyEntry, beginGroup, type IgnoredReason } from "../state/apply.js";
import type { GroupEffect } from "../state/effects.js";
import { isAdmin, memberOf, standingOf } from "../state/permissions.js";
import { restoreGroup } from "../state/restore.js";
import {
  type EpochSecret,
  type GroupCrypto,
  isOfEpoch,
  mergedSecrets,
  openHandover,
  openRotation,
} from "./group-keys.js";
import { openCheckpoint, openEntry, sealedEpoch, sealedNonce } from "./sealed-entries.js";

/** An answer to `readGroup`. */
export type LogPage = Pick<Frame<"groupEntries">, "head" | "checkpoint" | "entries">;
/** An entry as the relay holds it. */
export type LoggedBytes = LogPage["entries"][number];

/** Whose eyes a log is read with. */
export interface Walker {
  readonly crypto: GroupCrypto;
  readonly group: ConversationId;
  readonly me: AccountId;
  /** Private keys that secrets may be sealed to. */
  readonly wrapKeys: readonly Uint8Array[];
}

/** Where somebody stands in a log: behind which entry, holding which secrets. */
export interface LogPosition {
  readonly state: GroupState | undefined;
  readonly secrets: readonly EpochSecret[];
}

/** An entry that was read. */
export interface WalkedEntry {
  readonly seq: number;
  readonly acceptedMs: number;
  /** What was sealed, if it opened. */
  readonly bytes: Uint8Array | undefined;
  /** What it was sealed under: by it its device knows it again. */
  readonly nonce: Uint8Array;
  /** `undefined` if it does not open or decode. */
  readonly entry: GroupEntry | undefined;
  readonly outcome:
    | { readonly kind: "applied"; readonly effects: readonly GroupEffect[] }
    | { readonly kind: "ignored"; readonly reason: IgnoredReason };
  readonly before: GroupState | undefined;
  readonly after: GroupState;
}

/** `locked`: the entry, or what follows it, cannot be read with the secrets held, though this account is in the group. */
export type LogStep =
  | { readonly kind: "walked"; readonly walked: WalkedEntry; readonly secrets: readonly EpochSecret[] }
  | { readonly kind: "locked" };

const LOCKED: LogStep = { kind: "locked" };

/**
 * Reads the entry behind a position. Only what is sealed in the state's own epoch counts, so that all who may read it agree
 * whether it does.
 *
 * @throws groupNotFound if it is the first entry and begins no group.
 */
export function walkEntry(walker: Walker, { state, secrets }: LogPosition, logged: LoggedBytes): LogStep {
  const { crypto, group } = walker;
  const { seq, acceptedMs } = logged;
  const secret = secrets.find(({ epoch }) => epoch === (state?.epoch ?? 1));
  if (secret === undefined) return LOCKED;
  const bytes = openEntry(crypto, { group, seq }, { secret, sealed: logged.entry });
  const entry = bytes === undefined ? undefined : decoded(bytes);
  const outcome = applied(walker, state, { seq, entry });
  const nonce = sealedNonce(logged.entry);
  const walked: WalkedEntry = { seq, acceptedMs, bytes, nonce, entry, outcome, before: state, after: outcome.state };
  const known = outcome.kind === "applied" ? secretsAfter(walker, secrets, walked) : secrets;
  return known === undefined ? LOCKED : { kind: "walked", walked, secrets: known };
}

/**
 * The secret of the next epoch from the entry that ended the reader's, where what lies before it is not there any more. Not
 * proven to be the group's: the state that it opens is.
 */
export function harvested(
  walker: Walker,
  secrets: readonly EpochSecret[],
  logged: LoggedBytes,
): EpochSecret | undefined {
  const { crypto, group, me, wrapKeys } = walker;
  const secret = secrets.find(({ epoch }) => epoch === sealedEpoch(logged.entry));
  if (secret === undefined || secrets.some(({ epoch }) => epoch === secret.epoch + 1)) return undefined;
  const bytes = openEntry(crypto, { group, seq: logged.seq }, { secret, sealed: logged.entry });
  const change = bytes === undefined ? undefined : decoded(bytes)?.change;
  if (change === undefined || !("rotation" in change) || change.rotation === undefined) return undefined;
  return openRotation(crypto, change.rotation, { group, me, epoch: secret.epoch + 1, wrapKeys });
}

/** The state that a checkpoint stands for: the one before the entry that names it, which has to prove it. */
export function restored(
  { crypto, group }: Walker,
  secrets: readonly EpochSecret[],
  { seq, body }: NonNullable<LogPage["checkpoint"]>,
): GroupState | undefined {
  const secret = secrets.find(({ epoch }) => epoch === sealedEpoch(body));
  if (secret === undefined) return undefined;
  const opened = openCheckpoint(crypto, { group, seq }, { secret, sealed: body });
  if (opened === undefined) return undefined;
  try {
    const state = restoreGroup(opened);
    return state.group === group && state.seq === seq - 1 && state.epoch === secret.epoch ? state : undefined;
  } catch (error) {
    if (error instanceof SottoError && error.code === "badFrame") return undefined;
    throw error;
  }
}

/** Whether a later state can follow from an earlier one as far as both tell: no counter falls, and nobody's identity is another. */
export function mayFollow(earlier: GroupState, later: GroupState): boolean {
  if (later.seq < earlier.seq || later.epoch < earlier.epoch || later.audience < earlier.audience) return false;
  if (later.maxAccounts !== earlier.maxAccounts) return false;
  const before = new Map(earlier.members.map((member) => [member.account, member]));
  return later.members.every(({ account, joinedSeq, identityKey }) => {
    const known = before.get(account);
    if (known === undefined || known.joinedSeq !== joinedSeq) return joinedSeq > earlier.seq;
    return known.identityKey.every((byte, at) => byte === identityKey[at]);
  });
}

function applied(
  { crypto, group }: Walker,
  state: GroupState | undefined,
  { seq, entry }: { readonly seq: number; readonly entry: GroupEntry | undefined },
): WalkedEntry["outcome"] & { readonly state: GroupState } {
  const verify = (identityKey: Uint8Array, text: Uint8Array, signature: Uint8Array) =>
    crypto.engine.verify(identityKey, text, signature);
  if (state !== undefined) return applyEntry(state, { seq, entry }, verify);
  const begun = beginGroup(group, entry, verify);
  if (begun.kind === "refused") throw new SottoError("groupNotFound", { detail: `a log that begins ${begun.reason}` });
  return { kind: "applied", state: begun.state, effects: begun.effects };
}

/** The secrets behind an entry; `undefined` if this account is in the group still and cannot read on. */
function secretsAfter(
  walker: Walker,
  secrets: readonly EpochSecret[],
  { entry, before, after }: WalkedEntry,
): readonly EpochSecret[] | undefined {
  const { crypto, group, me, wrapKeys } = walker;
  if (entry === undefined || before === undefined) return secrets;
  const { change } = entry;
  if (standingOf(after, me) === "none") return secrets;
  if ("rotation" in change && change.rotation !== undefined) {
    const { rotation } = change;
    const held = secrets.find(({ epoch }) => epoch === after.epoch);
    if (held !== undefined && isOfEpoch(crypto, held, rotation)) return secrets;
    const others = secrets.filter(({ epoch }) => epoch < after.epoch);
    const opened = openRotation(crypto, rotation, { group, me, epoch: after.epoch, wrapKeys });
    return opened === undefined ? undefined : mergedSecrets([opened], others);
  }
  const role = memberOf(after, me)?.role;
  const isNowAdmin = role !== undefined && isAdmin(role);
  const held = secrets.find(({ epoch }) => epoch === after.epoch);
  if (isNowAdmin && "sealed" in change && change.sealed !== undefined && held?.adminSecret === undefined) {
    const opened = held && openHandover(crypto, change.sealed, { group, me, held, wrapKeys });
    return opened === undefined ? secrets : mergedSecrets([opened], secrets);
  }
  return secrets;
}

function decoded(bytes: Uint8Array): GroupEntry | undefined {
  try {
    return decodeGroupEntry(bytes);
  } catch (error) {
    if (error instanceof SottoError && error.code === "badFrame") return undefined;
    throw error;
  }
}
