/** Makes contents in this device's name: numbered, timed, and in their canonical bytes. */

import {
  type Content,
  type ContentBodyOf,
  type ContentKind,
  encodeContent,
  GROUP_MESSAGE_CHANCE_BYTES,
  groupMessageId,
  type MessageId,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Clock, Random, StoreChange } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { ConversationState, Thread } from "./conversations.js";
import { earliestMs } from "./word-time.js";

/** A kind of content and its body. */
export type Saying = { [Kind in ContentKind]: { readonly kind: Kind } & ContentBodyOf<Kind> }[ContentKind];

/** What a content in a group says of the group: how far its log was read, and how long messages are kept, 0 for ever. */
export interface GroupHeader {
  readonly revision: number;
  readonly timerMs: number;
}

/** A word to be made into a content. */
export interface Wording {
  readonly saying: Saying;
  readonly messageId: MessageId;
  /** In a group. */
  readonly group?: GroupHeader | undefined;
}

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

  /** A name nobody else gives; in a group, nobody else can. */
  messageId({ timeline: { id: group, peer } }: Thread): MessageId {
    const { random, account } = this.parts;
    if (peer !== undefined) return toHex(random.bytes(16)) as MessageId;
    return groupMessageId({ group, sender: account.id }, random.bytes(GROUP_MESSAGE_CHANCE_BYTES));
  }

  /** A word that counts after those of this account that it replaces. */
  async word(thread: Thread, wording: Wording): Promise<Content> {
    const { store, account } = this.parts;
    const { timeline } = thread;
    const earliest = await earliestMs({ store, timeline, me: account.id }, wording.saying);
    return this.content(thread, { ...wording, earliest });
  }

  /** The canonical bytes of a content that takes no place in the timeline, and the change that counts it. */
  passing(state: ConversationState, saying: Saying): { readonly encoded: Uint8Array; readonly change: StoreChange } {
    const content = this.content(state, { saying, messageId: this.messageId(state), earliest: 0 });
    return { encoded: encodeContent(content), change: state.timeline.countersChange() };
  }

  private content(
    { timeline }: Thread,
    { saying, messageId, group, earliest }: Wording & { readonly earliest: number },
  ): Content {
    const { account, clock } = this.parts;
    return {
      ...saying,
      sender: account.id,
      device: account.device,
      conversation: timeline.id,
      revision: group?.revision,
      messageId,
      ...timeline.stamp(clock.now(), earliest),
      seen: [],
      timerMs: group === undefined || group.timerMs === 0 ? undefined : group.timerMs,
    };
  }
}
