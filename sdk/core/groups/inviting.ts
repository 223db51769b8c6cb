/** What an invitation says: a content between two, though it takes no place in their conversation, and is not counted there. */

import {
  type AccountId,
  type ConversationId,
  directConversationId,
  encodeContent,
  type MessageId,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Clock, Random } from "../ports.js";

/** What it is made with. */
export interface InvitingParts {
  readonly account: Pick<OwnAccount, "id" | "device">;
  readonly clock: Clock;
  readonly random: Random;
}

/** The canonical bytes of the content that asks somebody into a group. */
export function inviting(
  { account, clock, random }: InvitingParts,
  whom: AccountId,
  { group, title }: { readonly group: ConversationId; readonly title: string },
): Uint8Array {
  return encodeContent({
    ...{ kind: "invitation", group, title },
    ...{ sender: account.id, device: account.device, conversation: directConversationId(account.id, whom) },
    ...{ messageId: toHex(random.bytes(16)) as MessageId, counter: 1, sentAtMs: clock.now(), seen: [] },
    ...{ revision: undefined, timerMs: undefined },
  });
}
