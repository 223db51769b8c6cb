/** Makes contents in this device's name: numbered, timed, and in their canonical bytes. */

import {
  type Content,
  type ContentBodyOf,
  type ContentKind,
  encodeContent,
  GROUP_MESSAGE_CHANCE_BYTES,
  groupMessageId,
  limits,
  type MessageId,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { timerIn } from "../disappearing/lifetime.js";
import { timerSetting } from "../disappearing/timer-setting.js";
import { isUnfranked } from "../franking/genuine.js";
import type { Clock, Random, StoreChange } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Thread } from "./conversations.js";
import { findNamed } from "./find.js";
import { isMessage } from "./kind-roles.js";
import type { Seen } from "./seen.js";
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
  readonly seen: Pick<Seen, "in">;
}

/** What else a content's header is made of. */
interface Stamping {
  /** It says that it was said no earlier. */
  readonly earliest: number;
  readonly revision?: number | undefined;
  readonly timerMs?: number | undefined;
  /** What others said last; of what bears no frank nothing. */
  readonly seen?: readonly Uint8Array[];
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
    const timerMs = await this.timerOf(thread, wording);
    const seen = await this.parts.seen.in(timeline.id);
    return this.content(thread, { ...wording, earliest, timerMs, seen });
  }

  /** What is about a message says how long that is kept; a message says what is set now, and what is neither nothing. */
  private async timerOf({ timeline }: Thread, { saying, group }: Wording): Promise<number | undefined> {
    const { store, account } = this.parts;
    if ("target" in saying) {
      const found = await findNamed(store, timeline, saying.target, account.id);
      return found.map(({ row }) => timerIn(row)).find((timerMs) => timerMs !== undefined);
    }
    if (!isMessage(saying.kind)) return undefined;
    const setMs = group === undefined ? (await timerSetting(store, timeline.id))?.durationMs : group.timerMs;
    // A modified client may have put any number into a group's log.
    return setMs === undefined || setMs === 0 ? undefined : Math.min(setMs, limits.timerMs.value);
  }

  /** The canonical bytes of a content that takes no place in the timeline, and the change that counts it. */
  passing(
    thread: Thread,
    saying: Saying,
    group?: Pick<GroupHeader, "revision">,
  ): { readonly encoded: Uint8Array; readonly change: StoreChange } {
    const revision = group?.revision;
    const content = this.content(thread, { saying, messageId: this.messageId(thread), revision, earliest: 0 });
    return { encoded: encodeContent(content), change: thread.timeline.countersChange() };
  }

  private content(
    { timeline }: Thread,
    { saying, messageId, group, revision = group?.revision, earliest, timerMs, seen = [] }: Wording & Stamping,
  ): Content {
    const { account, clock } = this.parts;
    const nowMs = clock.now();
    return {
      ...saying,
      sender: account.id,
      device: account.device,
      conversation: timeline.id,
      revision,
      messageId,
      ...(isUnfranked(saying.kind) ? timeline.stampUncounted(nowMs) : timeline.stamp(nowMs, earliest)),
      seen,
      timerMs,
    };
  }
}
