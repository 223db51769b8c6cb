/** How long messages of a direct conversation are kept: the last word of either side, or what its messages say. */

import {
  type AccountId,
  type Content,
  type ConversationId,
  type KnownContent,
  limits,
  SottoError,
} from "@sotto/protocol";
import { compareWords } from "../conversations/last-word.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

type TimerWord = Extract<KnownContent, { kind: "timer" }>;

/** The setting that a conversation's last word left, or its last message if no word came here. */
export type TimerSetting = Row<"timer">;

/** A clock may be ahead by so much; what says that it is from further on would be the last word for as long as it says. */
const MAX_AHEAD_MS = 24 * 3_600_000;

/** What a word sets that the relay accepted at `acceptedMs`, or that was said just now. */
export function wordOn(
  { durationMs, device, counter, messageId, ...said }: TimerWord,
  acceptedMs: number,
): TimerSetting {
  return { durationMs, sentAtMs: believedMs(said, acceptedMs), device, counter, messageId, basis: "word" };
}

/**
 * Whether a setting counts in place of another. Any word counts more than what messages say: a device that joined later hears no
 * old word, and learns from messages what the others go by.
 */
export function overtakesTimer(one: TimerSetting, other: TimerSetting | undefined): boolean {
  if (other === undefined) return true;
  if (one.basis !== other.basis) return one.basis === "word";
  const order = compareWords(one, other);
  // The two sides number for themselves: of two words under one stamp the id decides, so that all devices agree.
  return order === 0 ? one.messageId > other.messageId : order > 0;
}

/** The setting of a conversation; `undefined` if nobody ever said a word on it. */
export async function timerSetting(
  store: SealedStore,
  conversation: ConversationId,
): Promise<TimerSetting | undefined> {
  const stored = await store.get(keys.timer(store, conversation));
  return stored === undefined ? undefined : decodeRow("timer", stored);
}

/** The changes that a setting makes; none if the present one counts more. The caller holds the conversation's lock. */
export async function settingChanges(
  store: SealedStore,
  conversation: ConversationId,
  setting: TimerSetting,
): Promise<readonly StoreChange[]> {
  const present = await timerSetting(store, conversation);
  if (!overtakesTimer(setting, present)) return [];
  return [{ key: keys.timer(store, conversation), value: encodeRow("timer", setting) }];
}

/**
 * The duration that a setting names, 0 for none.
 *
 * @throws invalidArgument for what is no whole number of milliseconds from 1 to `limits.timerMs`.
 */
export function durationOf(durationMs: number | undefined): number {
  if (durationMs === undefined) return 0;
  if (Number.isSafeInteger(durationMs) && durationMs > 0 && durationMs <= limits.timerMs.value) return durationMs;
  throw new SottoError("invalidArgument", {
    detail: `a timer is a whole number of milliseconds from 1 to ${limits.timerMs.value}, or undefined for none`,
  });
}

/**
 * The changes for what a message, accepted at `acceptedMs`, says that its sender holds the setting to be. Of conversations in
 * which nobody ever set a timer nothing is written.
 */
export async function learntFrom(
  store: SealedStore,
  { id, peer }: { readonly id: ConversationId; readonly peer?: AccountId | undefined },
  { content, acceptedMs }: { readonly content: Content; readonly acceptedMs: number },
): Promise<readonly StoreChange[]> {
  const { timerMs, device, counter, messageId } = content;
  if (peer === undefined) return [];
  if (timerMs === undefined && (await timerSetting(store, id)) === undefined) return [];
  const durationMs = Math.min(timerMs ?? 0, limits.timerMs.value);
  const sentAtMs = believedMs(content, acceptedMs);
  return settingChanges(store, id, { durationMs, sentAtMs, device, counter, messageId, basis: "header" });
}

function believedMs({ sentAtMs }: Pick<Content, "sentAtMs">, acceptedMs: number): number {
  return Math.min(sentAtMs, acceptedMs + MAX_AHEAD_MS);
}
