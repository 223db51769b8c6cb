/** How a word about a message in an archive stands to what is here of that message. */

import type { AccountId, ArchiveEntry } from "@sotto/protocol";
import type { ConversationState } from "../conversations/conversations.js";
import { findContent } from "../conversations/find.js";
import { type AboutMessage, isAboutMessage } from "../conversations/kind-roles.js";
import { overtakesRevision } from "../conversations/revisions.js";
import { readStored } from "../conversations/stored-content.js";
import type { SealedStore } from "../storage/sealed-store.js";

/**
 * `early`: the message is not here. `void`: it was deleted, or ended, or says something later already. `said`: it came with this very
 * edit. `open`: the rules for whatever comes decide.
 */
export type Standing = "early" | "void" | "said" | "open";

/** The word in an entry; `undefined` for a message, also for what is left of a deleted one. */
export function wordIn({ content }: ArchiveEntry): AboutMessage | undefined {
  if (content.length === 0) return undefined;
  const said = readStored(content);
  return isAboutMessage(said) ? said : undefined;
}

/** Where a word stands; reads only. The caller holds the conversation's lock, or nobody else changes its messages. */
export async function standingOf(
  { store, me }: { readonly store: SealedStore; readonly me: AccountId },
  { timeline, peer }: Pick<ConversationState, "timeline" | "peer">,
  word: AboutMessage,
): Promise<Standing> {
  // Anybody may react and vote; only who wrote a message revises it.
  const isRevision = word.kind === "edit" || word.kind === "delete";
  for (const sender of isRevision ? [word.sender] : [peer, me]) {
    const target = await findContent(store, timeline, word.target, sender);
    if (target === undefined) continue;
    // What ended leaves no row, or an empty place.
    if (target.row === undefined || target.row.shape === "hidden") return "void";
    if (word.kind !== "edit") return "open";
    if (target.row.deletedMs !== undefined) return "void";
    if (target.row.edit === undefined) return "open";
    const present = readStored(target.row.edit);
    if (present.messageId === word.messageId) return "said";
    return overtakesRevision(word, present) ? "open" : "void";
  }
  return "early";
}
