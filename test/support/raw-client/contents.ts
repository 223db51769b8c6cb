/** Contents as an honest client builds them, with every field open to be a lie. */

import { randomBytes } from "node:crypto";
import {
  type AccountId,
  type Content,
  type ContentBodyOf,
  type ContentKind,
  directConversationId,
  encodeContent,
  type MessageId,
  type Payload,
  toHex,
} from "@sotto/protocol";
import type { DeviceAddress } from "./signal-side.js";

/** A kind of content with its body. */
export type Said = { [Kind in ContentKind]: { readonly kind: Kind } & ContentBodyOf<Kind> }[ContentKind];

let counter = 0;

/** A fresh message id, as contents name it. */
export function newContentId(): MessageId {
  return toHex(randomBytes(16)) as MessageId;
}

/** A content of a sender to an account; `lies` replace header fields. */
export function contentOf(sender: DeviceAddress, to: AccountId, said: Said, lies: Partial<Content> = {}): Content {
  counter += 1;
  return {
    sender: sender.account,
    device: sender.device,
    conversation: directConversationId(sender.account, to),
    messageId: newContentId(),
    counter,
    sentAtMs: Date.now(),
    seen: [],
    ...said,
    ...lies,
  } as Content;
}

/** The payload that carries a content, with the profile key an honest client adds where it is given. */
export function payloadOf(content: Content, profileKey?: Uint8Array): Payload {
  return { type: "content", content: encodeContent(content), profileKey };
}
