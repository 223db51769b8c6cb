/** Makes contents in this device's name: numbered, timed, and in their canonical bytes. */

import {
  type Content,
  type ContentBodyOf,
  type ContentKind,
  encodeContent,
  type MessageId,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Clock, Random, StoreChange } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { ConversationState } from "./conversations.js";
import { earliestMs } from "./word-time.js";

/** A kind of content and its body. */
export type Saying = { [Kind in ContentKind]: { readonly kind: Kind } & ContentBodyOf<Kind> }[ContentKind];

/** What the author works with. */
export interface AuthorParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes them. Whoever calls holds the conversation's lock where the content is kept. */
export class Author {
  constructor(private readonly parts: AuthorParts) {}

  /** A name nobody else gives. */
  messageId(): MessageId {
    return toHex(this.parts.random.bytes(16)) as MessageId;
  }

  /** A word that counts after those of this account that it replaces. */
  async word(state: ConversationState, messageId: MessageId, saying: Saying): Promise<Content> {
    const { store, account } = this.parts;
    const { timeline, peer } = state;
    const earliest = await earliestMs({ store, timeline, me: account.id, peer }, saying);
    return this.content(state, { saying, messageId, earliest });
  }

  /** The canonical bytes of a content that takes no place in the timeline, and the change that counts it. */
  passing(state: ConversationState, saying: Saying): { readonly encoded: Uint8Array; readonly change: StoreChange } {
    const content = this.content(state, { saying, messageId: this.messageId(), earliest: 0 });
    return { encoded: encodeContent(content), change: state.timeline.countersChange() };
  }

  private content({ timeline }: ConversationState, { saying, messageId, earliest }: Made): Content {
    const { account, clock } = this.parts;
    return {
      ...saying,
      sender: account.id,
      device: account.device,
      conversation: timeline.id,
      messageId,
      ...timeline.stamp(clock.now(), earliest),
      seen: [],
    };
  }
}

interface Made {
  readonly saying: Saying;
  readonly messageId: MessageId;
  readonly earliest: number;
}
