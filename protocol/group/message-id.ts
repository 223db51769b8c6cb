/**
 * Message ids in groups. Many may write there, and reactions and replies name a message by its id alone: so an id is bound
 * to the account that gave it, and nobody can give a message the id of somebody else's.
 */

import { digest, labelled } from "../derive.js";
import { type AccountId, accountIdToBytes, type ConversationId, fromHex, type MessageId, toHex } from "../ids.js";

/** The bytes of a message id that are chance; the other half binds them. */
export const GROUP_MESSAGE_CHANCE_BYTES = 8;

/** Who says something, and where. */
export interface GroupSpeaker {
  readonly group: ConversationId;
  readonly sender: AccountId;
}

/** The id of a message in a group: `chance`, 8 random bytes, and the first 8 bytes of a hash of them and their author. */
export function groupMessageId(speaker: GroupSpeaker, chance: Uint8Array): MessageId {
  return toHex(Uint8Array.of(...chance, ...bindingOf(speaker, chance))) as MessageId;
}

/** Whether this account gave this id in this group. Nobody else's message can have it. */
export function isGroupMessageId(id: MessageId, speaker: GroupSpeaker): boolean {
  return groupMessageId(speaker, fromHex(id).subarray(0, GROUP_MESSAGE_CHANCE_BYTES)) === id;
}

function bindingOf({ group, sender }: GroupSpeaker, chance: Uint8Array): Uint8Array {
  const text = labelled("sotto/group-message-id/1", fromHex(group), accountIdToBytes(sender), chance);
  return digest(text).subarray(0, GROUP_MESSAGE_CHANCE_BYTES);
}
