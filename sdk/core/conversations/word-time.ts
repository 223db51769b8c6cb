/** When a word of this account must say it was said, to count after the one it replaces. */

import type { AccountId, ContentKind, MessageId } from "@sotto/protocol";
import type { SealedStore } from "../storage/sealed-store.js";
import { findContent, findNamed } from "./item-reader.js";
import { lastWord } from "./reactions.js";
import { readStored } from "./stored-content.js";
import type { Timeline } from "./timeline.js";

/** What is said, as far as it decides the time. */
export interface Spoken {
  readonly kind: ContentKind;
  readonly target?: MessageId;
  readonly emoji?: string;
}

/**
 * The earliest time for an edit or a reaction of this account: past that of its last one, which may have come from another
 * device whose clock is ahead. Else nobody could correct what that device said, before the own clock got there.
 */
export async function earliestMs(
  { store, timeline, me }: { readonly store: SealedStore; readonly timeline: Timeline; readonly me: AccountId },
  { kind, target, emoji }: Spoken,
): Promise<number> {
  if (target === undefined || (kind !== "edit" && kind !== "reaction")) return 0;
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
  return last === undefined ? 0 : last.sentAtMs + 1;
}
