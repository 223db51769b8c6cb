/** Two people and one conversation over a sealed store in memory, for tests of the rules. */

import {
  type Content,
  directConversationId,
  encodeContent,
  type MessageId,
  parseAccountId,
  parseDeviceId,
} from "@sotto/protocol";
import type { Saying } from "../../../sdk/core/conversations/author.js";
import { ContentWriter, type Incoming, type Outcome } from "../../../sdk/core/conversations/content-writer.js";
import { Early } from "../../../sdk/core/conversations/early.js";
import { ItemReader } from "../../../sdk/core/conversations/item-reader.js";
import type { Item } from "../../../sdk/core/conversations/items.js";
import { Timeline } from "../../../sdk/core/conversations/timeline.js";
import { Genuine } from "../../../sdk/core/franking/genuine.js";
import type { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { openSealed } from "./storage/fixture.js";

export const me = parseAccountId("00112233-4455-6677-8899-aabbccddeeff");
export const peer = parseAccountId("ffeeddcc-bbaa-9988-7766-554433221100");
export const device = parseDeviceId(1);
export const conversationId = directConversationId(me, peer);

/** A message id that is easy to read in a failure. */
export const messageId = (number: number) => number.toString(16).padStart(32, "0") as MessageId;

/** One conversation as the device of `me` holds it. */
export class Talk {
  private counter = 0;

  private constructor(
    readonly store: SealedStore,
    readonly timeline: Timeline,
    readonly writer: ContentWriter,
    readonly reader: ItemReader,
  ) {}

  static async open(store?: SealedStore): Promise<Talk> {
    const sealed = store ?? (await openSealed());
    const timeline = await Timeline.load(sealed, conversationId, peer);
    return new Talk(
      sealed,
      timeline,
      new ContentWriter(sealed, timeline, me, new Early(sealed)),
      new ItemReader(sealed, timeline, me),
    );
  }

  /** A content of either side. */
  content(
    sender: typeof me,
    id: MessageId,
    saying: Saying,
    over: { counter?: number; sentAtMs?: number; device?: number } = {},
  ): Content {
    this.counter += 1;
    const header = { sender, conversation: conversationId, messageId: id, seen: [] };
    return {
      ...saying,
      ...header,
      counter: this.counter,
      sentAtMs: 1_000 + this.counter,
      ...over,
      device: parseDeviceId(over.device ?? device),
    };
  }

  /** Writes a content as if it arrived, or was said by `me`, and shows it. */
  async write(content: Content, resolves?: number): Promise<Outcome["kind"]> {
    if (content.sender === me) return this.take(content, { status: "pending" });
    return this.take(content, { status: "received", resolves });
  }

  /** Writes a content that another device of `me` said. */
  async sync(content: Content, acceptedMs?: number): Promise<Outcome["kind"]> {
    return this.take(content, { status: "synced", acceptedMs });
  }

  /** Writes a content of the peer that the relay accepted at a time. */
  async hear(content: Content, acceptedMs: number): Promise<Outcome["kind"]> {
    return this.take(content, { status: "received", acceptedMs });
  }

  /** Accepted a thousandth of a second after it was said, if nothing else is told. */
  private async take(
    content: Content,
    how: Pick<Incoming, "status" | "resolves" | "acceptedMs">,
  ): Promise<Outcome["kind"]> {
    const acceptedMs = how.status === "pending" ? undefined : (how.acceptedMs ?? content.sentAtMs + 1);
    const outcome = await this.writer.write({
      ...how,
      said: Genuine.saidHere({ content, encoded: encodeContent(content) }),
      atMs: 5_000,
      acceptedMs,
    });
    const { changes, sequence } = outcome.build();
    await this.store.commit(changes);
    if (sequence !== undefined) this.timeline.announce(sequence);
    return outcome.kind;
  }

  async say(sender: typeof me, number: number, saying: Saying, over?: { counter?: number }): Promise<Outcome["kind"]> {
    return this.write(this.content(sender, messageId(number), saying, over));
  }

  /** Everything that is shown. */
  async items(): Promise<readonly Item[]> {
    const rows = await this.timeline.latest(1_000);
    const items = await Promise.all(rows.map((row) => this.reader.item(row)));
    return items.filter((item) => item !== undefined);
  }
}
