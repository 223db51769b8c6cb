/** The client an app holds. Composition lives in `compose.ts`, the rules in their rooms. */

import { type AccountId, type DeviceId, type MessageId, parseAccountId, SottoError } from "@sotto/protocol";
import { type ClientParts, closeParts } from "./compose.js";
import type { ConversationState } from "./conversations/conversations.js";
import { DirectConversation, type Peer } from "./conversations/direct-conversation.js";
import { findMessage } from "./conversations/item-reader.js";
import type { Item } from "./conversations/items.js";
import { type DebugBundle, debugBundle } from "./debug-bundle.js";
import { TypedEvents } from "./events.js";
import type { LinkState } from "./link/relay-link.js";
import { assertUserId } from "./options.js";

/** Where a client stands. `revoked`: this device is registered no more, and nothing is sent or received. */
export type ClientState = "linking" | "restoring" | "ready" | "offline" | "revoked" | "closed";

/** What a client tells. */
export type ClientEvents = {
  /** The state changed; `reason` says why it is not `ready`. */
  state: { readonly state: ClientState; readonly reason: SottoError | undefined };
  /** A new item is durable, in any conversation. For a view of one, iterate its `messages()`. */
  message: { readonly conversation: DirectConversation; readonly item: Item };
  /** A peer's identity key is another than before: it registered anew, or somebody sits in the middle. */
  keychange: { readonly conversation: DirectConversation };
  /** Mail was lost before it was fetched: it stayed longer than the relay keeps mail, or the relay lost it. */
  gap: { readonly missed: number };
  /** The relay refused mail for this device because too much waits. */
  mailboxfull: Record<never, never>;
};

/** Whom to open a conversation with. */
export type Whom = { readonly userId: string } | { readonly accountId: AccountId };

/** A registered device of one account. Made by `createClient`. */
export class Client extends TypedEvents<ClientEvents> {
  private parts: ClientParts | undefined;
  private current: ClientState = "offline";
  private closing: Promise<void> | undefined;
  private readonly open = new Map<AccountId, Promise<DirectConversation>>();

  constructor(log: ClientParts["platform"]["log"]) {
    super(log);
  }

  /** Where the client stands. */
  get state(): ClientState {
    return this.current;
  }

  /** This account's id. */
  get accountId(): AccountId {
    return this.use().account.id;
  }

  /** This device's id. */
  get deviceId(): DeviceId {
    return this.use().account.device;
  }

  /**
   * The conversation with somebody: the same object at every call, from both sides the same conversation.
   *
   * @throws unknownUser if nobody registered under this user id; invalidArgument; offline if the relay has to be asked
   *   and cannot.
   */
  async openDM(whom: Whom): Promise<DirectConversation> {
    const account = "accountId" in whom ? parseAccountId(whom.accountId) : await this.resolve(whom.userId);
    if (account === this.accountId)
      throw new SottoError("invalidArgument", { detail: "a conversation is with somebody else" });
    return this.conversation(account);
  }

  /** Every conversation there is on this device. */
  async conversations(): Promise<readonly DirectConversation[]> {
    const peers = await this.use().conversations.peers();
    return Promise.all(peers.map((peer) => this.conversation(peer)));
  }

  /** Sets the name peers may show for this account, and tells it to those this account talks with. */
  async setProfile(profile: { readonly name: string | undefined }): Promise<void> {
    const { account, store, conversations, sender } = this.use();
    await store.commit([account.change({ name: profile.name })]);
    for (const peer of await conversations.peers()) {
      sender.say(await conversations.of(peer), async () => ({ kind: "profile", name: profile.name }));
    }
  }

  /** A redacted picture of this client for support: no ids, names, keys or texts. */
  async debugBundle(): Promise<DebugBundle> {
    return debugBundle(this.use(), this.current);
  }

  /** Closes connections and store after what is being written. What is in the outbox goes with the next client. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  /** For `createClient`: takes the composed parts and begins to connect. */
  start(parts: ClientParts): void {
    this.parts = parts;
    if (this.closing === undefined) parts.relay.start();
  }

  /** For the parts: a new item is durable. */
  arrived({ peer, reader, timeline }: ConversationState, sequence: number): void {
    this.tell(peer, async (conversation) => {
      const row = await timeline.row(sequence);
      const item = row === undefined ? undefined : await reader.item({ sequence, row });
      if (item !== undefined) this.emit("message", { conversation, item });
    });
  }

  /** For the parts: a peer's identity changed. */
  keyChanged(account: AccountId): void {
    this.tell(account, async (conversation) => this.emit("keychange", { conversation }));
  }

  /** For the parts: cursors were skipped. */
  gap(missed: number): void {
    this.emit("gap", { missed });
  }

  /** For the parts: mail for this device was refused. */
  mailboxFull(): void {
    this.emit("mailboxfull", {});
  }

  /** For the parts: the device's connection changed. */
  linkChanged(link: LinkState, reason: SottoError | undefined): void {
    const isRevoked = link === "ended" && (reason?.code === "badCredentials" || reason?.code === "notAuthenticated");
    this.become(isRevoked ? "revoked" : link === "ready" ? "ready" : "offline", reason);
  }

  /** For the parts: memory and disk may differ from here on, so the client ends. */
  failed(error: unknown): void {
    if (this.closing !== undefined) return;
    this.eventFailure = error instanceof SottoError ? error : new SottoError("storeFailed", { cause: error });
    void this.close();
  }

  private eventFailure: SottoError | undefined;

  private become(state: ClientState, reason: SottoError | undefined): void {
    if (this.current === "closed" || (this.current === state && reason === undefined)) return;
    this.current = state;
    this.emit("state", { state, reason });
  }

  private async end(): Promise<void> {
    const parts = this.parts;
    if (parts !== undefined) await closeParts(parts).catch((error: unknown) => this.failed(error));
    this.become("closed", this.eventFailure);
  }

  private use(): ClientParts {
    if (this.parts === undefined || this.closing !== undefined) throw new SottoError("closed");
    return this.parts;
  }

  private tell(account: AccountId, work: (conversation: DirectConversation) => Promise<unknown>): void {
    if (this.closing !== undefined) return;
    this.telling = this.telling
      .then(async () => work(await this.conversation(account)))
      .catch((error: unknown) => this.failed(error));
  }

  /** Events are told one after the other, in the order of what they tell. */
  private telling: Promise<unknown> = Promise.resolve();

  private async resolve(userId: string): Promise<AccountId> {
    assertUserId(userId);
    const { peers, relay, locks, store } = this.use();
    const known = await peers.accountOf(userId);
    if (known !== undefined) return known;
    const { account } = await relay.device.request({ type: "resolve", userId });
    await locks.run(account, async () => store.commit(peers.remember(await peers.get(account), userId)));
    return account;
  }

  private conversation(account: AccountId): Promise<DirectConversation> {
    const present = this.open.get(account);
    if (present !== undefined) return present;
    const opening = this.make(account);
    this.open.set(account, opening);
    opening.catch(() => this.open.delete(account));
    return opening;
  }

  private async make(account: AccountId): Promise<DirectConversation> {
    const parts = this.use();
    const state = await parts.conversations.of(account);
    const me = parts.account.id;
    return new DirectConversation({
      me,
      state,
      sender: parts.sender,
      typing: parts.typing,
      trust: parts.trust,
      log: parts.platform.log,
      message: (id: MessageId) => findMessage(parts.store, state.timeline, id, [account, me]),
      peer: () => this.peer(account),
    });
  }

  private async peer(account: AccountId): Promise<Peer> {
    const { userId, name, verification } = await this.use().peers.get(account);
    return { accountId: account, userId, name, verification };
  }
}
