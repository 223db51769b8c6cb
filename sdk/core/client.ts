/** The client an app holds. Composition lives in `compose.ts`, the rules in their rooms. */

import {
  type AccountId,
  type DeviceId,
  type FirstContactPolicy,
  firstContactPolicies,
  type MessageId,
  parseAccountId,
  SottoError,
} from "@sotto/protocol";
import { type ClientParts, closeParts } from "./compose.js";
import type { Refused } from "./consent/judge.js";
import { isShown } from "./consent/relations.js";
import { type MessageRequest, Requests } from "./consent/requests.js";
import type { ConversationState } from "./conversations/conversations.js";
import { DirectConversation, type Peer } from "./conversations/direct-conversation.js";
import { findMessage } from "./conversations/item-reader.js";
import type { Item } from "./conversations/items.js";
import { type DebugBundle, debugBundle } from "./debug-bundle.js";
import type { Devices } from "./devices/devices.js";
import { TypedEvents } from "./events.js";
import type { TransferProgress } from "./history/history.js";
import type { LinkState } from "./link/relay-link.js";
import { assertUserId } from "./options.js";
import type { AbortSignalLike } from "./ports.js";

/** Where a client stands. `revoked`: this device is registered no more, and nothing is sent or received. */
export type ClientState = "linking" | "restoring" | "ready" | "offline" | "revoked" | "closed";

/** What a client tells. */
export type ClientEvents = {
  /** The state changed; `reason` says why it is not `ready`. */
  state: { readonly state: ClientState; readonly reason: SottoError | undefined };
  /** A new item is durable, in any conversation. For a view of one, iterate its `messages()`. */
  message: { readonly conversation: DirectConversation; readonly item: Item };
  /** Somebody asks to write to this account. For all that wait, iterate `requests()`. */
  request: { readonly request: MessageRequest };
  /** Somebody accepted this account's request, or another device of this account accepted theirs: both may write now. */
  contact: { readonly conversation: DirectConversation };
  /** Something of somebody who may not say it was dropped: more than one text in a request, or against the policy. */
  policy: { readonly accountId: AccountId; readonly what: Refused };
  /** A peer's identity key is another than before: it registered anew, or somebody sits in the middle. */
  keychange: { readonly conversation: DirectConversation };
  /** Mail was lost before it was fetched: it stayed longer than the relay keeps mail, or the relay lost it. */
  gap: { readonly missed: number };
  /** History goes to another device of this account, or comes from one. */
  transfer: TransferProgress;
  /** The devices of this account are others than before: one joined or was revoked. `devices.list()` tells them. */
  devices: Record<never, never>;
  /** A device of this account's could not join because the account has as many as it may have. Revoking one makes room. */
  devicelimit: Record<never, never>;
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

  /** This account's devices: list, link, revoke, rename. */
  get devices(): Devices {
    return this.use().devices;
  }

  /**
   * The conversation with somebody: the same object at every call, from both sides the same conversation. If they asked to
   * write to this account, it accepts.
   *
   * @throws unknownUser if nobody registered under this user id; policyDenied (a `PolicyDeniedError`) if they take no first
   *   message on the grounds there are; invalidArgument; offline if the relay has to be asked and cannot.
   */
  async openDM(whom: Whom): Promise<DirectConversation> {
    const account = "accountId" in whom ? parseAccountId(whom.accountId) : await this.resolve(whom.userId);
    if (account === this.accountId)
      throw new SottoError("invalidArgument", { detail: "a conversation is with somebody else" });
    const { arrivals, consent } = this.use();
    if ((await arrivals.request(account)) !== undefined) await consent.accept(account);
    return this.conversation(account);
  }

  /** Every conversation of this device but those of people who only asked, were declined or are blocked. */
  async conversations(): Promise<readonly DirectConversation[]> {
    const { conversations, peers } = this.use();
    const shown: AccountId[] = [];
    for (const peer of await conversations.peers()) {
      if (isShown((await peers.get(peer)).relation)) shown.push(peer);
    }
    return Promise.all(shown.map((peer) => this.conversation(peer)));
  }

  /**
   * Those who ask to write to this account: all that wait, oldest first, then each that comes, once, until the signal
   * aborts or the client closes. A request decided on another device of this account is not shown any more.
   */
  requests(options: { readonly signal?: AbortSignalLike | undefined } = {}): AsyncGenerator<MessageRequest> {
    this.use();
    return this.presented().follow(options.signal);
  }

  /** Who may make first contact with this account. The relay may be set up to be stricter. */
  get policy(): FirstContactPolicy {
    return this.use().account.current.policy;
  }

  /** Sets who may make first contact. It counts from the next message on that the relay takes; contacts are not affected. */
  async setPolicy(policy: FirstContactPolicy): Promise<void> {
    if (!firstContactPolicies.includes(policy))
      throw new SottoError("invalidArgument", { detail: `a policy is one of ${firstContactPolicies.join(", ")}` });
    const { account, store, accountState, access } = this.use();
    const own = account.change({ policy, policyVersion: account.current.policyVersion + 1 });
    const told = accountState.queue({ own: "own", contacts: [] });
    await store.commit([own, ...told.flatMap(({ changes }) => changes)]);
    for (const one of told) one.sent();
    await access.apply();
  }

  /** Everybody this account blocked. `openDM` with the account id gives the conversation, to unblock it. */
  async blocked(): Promise<readonly Peer[]> {
    const blocked = await this.use().consent.blocked();
    return Promise.all(blocked.map((account) => this.peer(account)));
  }

  /** Sets the name peers may show for this account, and tells it to its contacts. */
  async setProfile(profile: { readonly name: string | undefined }): Promise<void> {
    const { account, store, conversations, sender, peers, accountState } = this.use();
    const own = account.change({ name: profile.name, nameVersion: account.current.nameVersion + 1 });
    const told = accountState.queue({ own: "own", contacts: [] });
    await store.commit([own, ...told.flatMap(({ changes }) => changes)]);
    for (const one of told) one.sent();
    for (const contact of await peers.contacts()) {
      sender.say(await conversations.of(contact), async () => ({ kind: "profile", name: profile.name }));
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

  /** For the parts: somebody asks, durably. */
  asked(account: AccountId): void {
    if (this.closing !== undefined) return;
    this.telling = this.telling
      .then(async () => {
        const request = await this.presented().present(account);
        if (request !== undefined) this.emit("request", { request });
      })
      .catch((error: unknown) => this.failed(error));
  }

  /** For the parts: somebody is a contact now. */
  contact(account: AccountId): void {
    this.tell(account, async (conversation) => this.emit("contact", { conversation }));
  }

  /** For the parts: requests came or went. */
  requestsChanged(): void {
    this.requestList?.wake();
  }

  /** For the parts: something was dropped. */
  refused(accountId: AccountId, what: Refused): void {
    this.emit("policy", { accountId, what });
  }

  /** For the parts: cursors were skipped. */
  gap(missed: number): void {
    this.emit("gap", { missed });
  }

  /** For the parts: history came or went. */
  transferred(progress: TransferProgress): void {
    this.emit("transfer", progress);
  }

  /** For the parts: what may be an old state is made safe to send with. */
  restoring(): void {
    this.become("restoring", undefined);
  }

  /** For the parts: mail for this device was refused. */
  mailboxFull(): void {
    this.emit("mailboxfull", {});
  }

  /** For the parts: the account's devices changed. */
  devicesChanged(): void {
    this.emit("devices", {});
  }

  /** For the parts: a device was refused because there are too many. */
  deviceLimit(): void {
    this.emit("devicelimit", {});
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
    this.requestList?.close();
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
    const { peers, relay, locks, store, grants } = this.use();
    const known = await peers.accountOf(userId);
    if (known !== undefined && (await peers.get(known)).relation !== "none") return known;
    // Of a stranger the policy is asked anew each time; offline, the send will find out.
    if (known !== undefined && relay.device.state !== "ready") return known;
    const resolved = await relay.device.request({ type: "resolve", userId });
    const { account } = resolved;
    const { relation } = await peers.get(account);
    if (relation === "none" && account !== this.accountId) await grants.meet(userId, resolved);
    await locks.run(account, async () => store.commit(peers.remember(await peers.get(account), userId)));
    return account;
  }

  private requestList: Requests | undefined;

  private presented(): Requests {
    this.requestList ??= new Requests({ ...this.use(), open: (account) => this.conversation(account) });
    return this.requestList;
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
      consent: parts.consent,
      message: (id: MessageId) => findMessage(parts.store, state.timeline, id, [account, me]),
      peer: () => this.peer(account),
    });
  }

  private async peer(account: AccountId): Promise<Peer> {
    const { userId, name, verification, relation } = await this.use().peers.get(account);
    return { accountId: account, userId, name, verification, relation };
  }
}
