/** The conversations of this account: one state for each peer and group, loaded once and shared by all who work with it. */

import { type AccountId, type ConversationId, directConversationId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { TIMELESS, type Time } from "../disappearing/lives.js";
import { Shown } from "../groups/shown.js";
import { decodeRow, eachRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { ContentWriter, type Telling } from "./content-writer.js";
import { Early } from "./early.js";
import { ItemReader } from "./item-reader.js";
import { Timeline } from "./timeline.js";

/** What any conversation has. */
interface Parts {
  readonly timeline: Timeline;
  readonly writer: ContentWriter;
  readonly reader: ItemReader;
  /** Receives the conversation's events; set by whoever presents it to the app. */
  tell: (telling: Telling) => void;
}

/** Everything that belongs to the conversation with one peer. */
export interface ConversationState extends Parts {
  readonly kind: "direct";
  readonly peer: AccountId;
}

/** Everything that belongs to what is said in a group. */
export interface GroupThread extends Parts {
  readonly kind: "group";
  /** The id of the group, and of its conversation. */
  readonly group: ConversationId;
}

/** Any conversation. */
export type Thread = ConversationState | GroupThread;

/** Loads conversation states, each exactly once. */
export class Conversations {
  private readonly states = new Map<AccountId, Promise<ConversationState>>();
  private readonly groups = new Map<ConversationId, Promise<GroupThread>>();
  private readonly early: Early;
  private isClosed = false;

  constructor(
    private readonly store: SealedStore,
    private readonly account: OwnAccount,
    private readonly time: Time = TIMELESS,
    private readonly shown: Pick<Shown, "inItem"> = new Shown(store),
  ) {
    this.early = new Early(store);
  }

  /** The conversation with an account; begun with its first commit. */
  of(peer: AccountId): Promise<ConversationState> {
    return once(this.states, peer, async () => ({
      kind: "direct" as const,
      peer,
      ...(await this.load(directConversationId(this.account.id, peer), peer)),
    }));
  }

  /** What is said in a group; begun with its first commit. */
  group(group: ConversationId): Promise<GroupThread> {
    return once(this.groups, group, async () => ({ kind: "group" as const, group, ...(await this.load(group)) }));
  }

  /** The conversation that something is sent in: a group's if it names one, though it may go to one member only. */
  threadOf(destination: {
    readonly recipient?: AccountId | undefined;
    readonly group?: ConversationId | undefined;
  }): Promise<Thread> {
    const { recipient, group } = destination;
    if (group !== undefined) return this.group(group);
    if (recipient === undefined) throw new Error("what is sent goes to an account or a group");
    return this.of(recipient);
  }

  /** The peers of all direct conversations there are. */
  async peers(): Promise<readonly AccountId[]> {
    return (await this.begun()).flatMap(({ peer }) => peer ?? []);
  }

  /** Whom a conversation is with; `undefined` for a group's, and for one in which nothing was said here. */
  async peerIn(conversation: ConversationId): Promise<AccountId | undefined> {
    const stored = await this.store.get(keys.conversation(this.store, conversation));
    return stored === undefined ? undefined : decodeRow("conversation", stored).peer;
  }

  /** Every conversation there is, with peers and in groups. */
  async all(): Promise<readonly Thread[]> {
    const begun = await this.begun();
    return Promise.all(begun.map(({ peer, conversation }) => (peer ? this.of(peer) : this.group(conversation))));
  }

  /** The key under which work on a conversation is serialised. Taken after a peer's or a group's lock, never before. */
  static lockKey({ timeline }: Pick<Thread, "timeline">): string {
    return `conversation/${timeline.id}`;
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.isClosed = true;
    for (const loading of [...this.states.values(), ...this.groups.values()]) {
      loading.then(
        ({ timeline }) => timeline.close(),
        () => undefined, // it never loaded, so nobody reads it
      );
    }
  }

  private async begun(): Promise<readonly Row<"conversation">[]> {
    const found: Row<"conversation">[] = [];
    for await (const { value } of eachRow(this.store, keys.conversations)) {
      found.push(decodeRow("conversation", value));
    }
    return found;
  }

  private async load(conversation: ConversationId, peer?: AccountId): Promise<Parts> {
    const { store, early } = this;
    const me = this.account.id;
    const timeline = await Timeline.load(store, conversation, peer, this.time);
    if (this.isClosed) timeline.close();
    return {
      timeline,
      writer: new ContentWriter(store, timeline, me, early),
      reader: new ItemReader(store, timeline, me, this.shown),
      tell: () => undefined,
    };
  }
}

/** What is loaded under a key, or is being loaded; a failed try is forgotten. */
function once<Key, State>(all: Map<Key, Promise<State>>, key: Key, load: () => Promise<State>): Promise<State> {
  const present = all.get(key);
  if (present !== undefined) return present;
  const loading = load();
  all.set(key, loading);
  loading.catch(() => all.delete(key));
  return loading;
}
