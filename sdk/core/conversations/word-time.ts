/** When a word of this account must say it was said, to count after the one it replaces. */

import type { AccountId, ContentKind, MessageId } from "@sotto/protocol";
import { timerSetting } from "../disappearing/timer-setting.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { findContent, findNamed } from "./find.js";
import { lastWord } from "./reactions.js";
import { readStored } from "./stored-content.js";
import type { Timeline } from "./timeline.js";
import { Votes } from "./votes.js";

/** What is said, as far as it decides the time. */
export interface Spoken {
  readonly kind: ContentKind;
  readonly target?: MessageId;
  readonly emoji?: string;
}

/**
 * The earliest time for an edit, a reaction or a vote of this account: past that of its last one, which may have come from another
 * device whose clock is ahead. Else nobody could correct what that device said, before the own clock got there. Of a timer: past
 * that of either side's last one.
 */
export async function earliestMs(
  { store, timeline, me }: { readonly store: SealedStore; readonly timeline: Timeline; readonly me: AccountId },
  { kind, target, emoji }: Spoken,
): Promise<number> {
  if (kind === "timer") return after(await timerSetting(store, timeline.id));
  if (target === undefined) return 0;
  if (kind === "vote") return after(await new Votes(store, timeline.id).last(target, me));
  if (kind !== "edit" && kind !== "reaction") return 0;
  const found =
    kind === "edit"
      ? await findContent(store, timeline, target, me)
      : (await findNamed(store, timeline, target, me)).find(({ row }) => row !== undefined);
  if (found?.row === undefined) return 0;
  const { edit, reactions } = found.row;
  const last =
    kind === "edit"
      ? edit && readStored(edit)
      : emoji === undefined
        ? undefined
        : lastWord(reactions, { from: me, emoji });
  return after(last);
}

/** A word at the end of time leaves none behind it; device and counter decide then. */
function after(last: { readonly sentAtMs: number } | undefined): number {
  return last === undefined ? 0 : Math.min(last.sentAtMs + 1, Number.MAX_SAFE_INTEGER);
}
