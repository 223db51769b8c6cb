/** The client an app holds. What it is made of is put together in `compose/`, the rules are in their rooms. */

import {
  type AccountId,
  type DeviceId,
  type FirstContactPolicy,
  firstContactPolicies,
  SottoError,
} from "@sotto/protocol";
import type { Attachments } from "../attachments/attachments.js";
import { closeParts } from "../compose/close-parts.js";
import type { ClientHooks } from "../compose/hooks.js";
import type { ClientParts } from "../compose/parts.js";
import type { Whom } from "../consent/people.js";
import { type MessageRequest, Requests } from "../consent/requests.js";
import type { DirectConversation, Peer } from "../conversations/direct-conversation.js";
import type { Devices } from "../devices/devices.js";
import { TypedEvents } from "../events.js";
import type { Groups } from "../groups/groups.js";
import { type GroupInvitation, Invitations } from "../groups/invitations.js";
import type { AbortSignalLike, Log } from "../ports.js";
import type { Labels } from "../registers/labels.js";
import type { QuickReplies } from "../registers/quick-replies.js";
import type { Moderation } from "../reports/moderation.js";
import type { Reports } from "../reports/reports.js";
import type { Row } from "../rows.js";
import type { SearchOptions } from "../search/search.js";
import { announcing } from "./announcing.js";
import type { ClientEvents, ClientState } from "./client-events.js";
import { type DebugBundle, debugBundle } from "./debug-bundle.js";
import { type Filed, OpenConversations } from "./open-conversations.js";
import { openGroups } from "./open-groups.js";
import { openSearch, type SearchHit } from "./open-search.js";

/** A registered device of one account. Made by `createClient`. */
export class Client extends TypedEvents<ClientEvents> {
  private running: Running | undefined;
  private current: ClientState = "offline";
  private closing: Promise<void> | undefined;
  private failure: SottoError | undefined;

  constructor(log: Log) {
    super(log);
  }

  /** Where the client stands. */
  get state(): ClientState {
    return this.current;
  }

  /** This account's id. */
  get accountId(): AccountId {
    return this.use().parts.account.id;
  }

  /** This device's id. */
  get deviceId(): DeviceId {
    return this.use().parts.account.device;
  }

  /** This account's devices: list, link, revoke, rename. */
  get devices(): Devices {
    return this.use().parts.devices;
  }

  /**
   * The conversation with somebody: the same object at every call, from both sides the same conversation. If they asked to
   * write to this account, it accepts.
   *
   * @throws unknownUser if nobody registered under this user id; policyDenied (a `PolicyDeniedError`) if they take no first
   *   message on the grounds there are; invalidArgument; offline if the relay has to be asked and cannot.
   */
  async openDM(whom: Whom): Promise<DirectConversation> {
    return this.use().conversations.with(whom);
  }

  /**
   * Every conversation of this device but those of people who only asked, were declined or are blocked. With a label or an
   * assignee, those that have it on this account's devices.
   */
  async conversations(filed: Filed = {}): Promise<readonly DirectConversation[]> {
    return this.use().conversations.shown(filed);
  }

  /** Words to send again and again: list, put, remove. The same on all devices of this account, and seen by nobody else. */
  get quickReplies(): QuickReplies {
    return this.use().parts.quickReplies;
  }

  /** What conversations can be marked with: list, put, remove. The same on all devices of this account, and seen by nobody else. */
  get labels(): Labels {
    return this.use().parts.labels;
  }

  /**
   * Those who ask to write to this account: all that wait, oldest first, then each that comes, once, until the signal
   * aborts or the client closes. A request decided on another device of this account is not shown any more.
   */
  requests(options: { readonly signal?: AbortSignalLike | undefined } = {}): AsyncGenerator<MessageRequest> {
    return this.use().requests.follow(options.signal);
  }

  /** Files, pictures, voice notes and videos: upload, download, what is not finished. */
  get attachments(): Attachments {
    return this.use().parts.attachments;
  }

  /** Reports to the community's moderators: what can be reported, draft, list, follow. Nothing is sent without consent to all of it. */
  get reports(): Reports {
    return this.use().parts.reports;
  }

  /** What moderators may do here, what they did to this account, and appeals. */
  get moderation(): Moderation {
    return this.use().parts.moderation;
  }

  /** The groups of this account: create, list. */
  get groups(): Groups {
    return this.use().groups;
  }

  /**
   * Those who ask this account to join a group: all that wait, oldest first, then each that comes, once, until the signal
   * aborts or the client closes. One that was answered on another device of this account is not shown any more.
   */
  invitations(options: { readonly signal?: AbortSignalLike | undefined } = {}): AsyncGenerator<GroupInvitation> {
    return this.use().invitations.follow(options.signal);
  }

  /**
   * The messages that have all words of a query, the last one as the beginning of a word; latest first. Neither case nor
   * accents count. Searches what this device holds, on this device: nothing of it leaves, and the index is sealed like the rest.
   * The first search of a client reads the index, and takes seconds where there are hundreds of thousands of messages.
   *
   * @throws invalidArgument for a `limit` or a `before` that is none.
   */
  search(query: string, options: SearchOptions = {}): Promise<readonly SearchHit[]> {
    return this.use().search.find(query, options);
  }

  /** Who may make first contact with this account. The relay may be set up to be stricter. */
  get policy(): FirstContactPolicy {
    return this.use().parts.account.current.policy;
  }

  /** Sets who may make first contact. It counts from the next message on that the relay takes; contacts are not affected. */
  async setPolicy(policy: FirstContactPolicy): Promise<void> {
    if (!firstContactPolicies.includes(policy))
      throw new SottoError("invalidArgument", { detail: `a policy is one of ${firstContactPolicies.join(", ")}` });
    const { account, access } = this.use().parts;
    await this.decide({ policy, policyVersion: account.current.policyVersion + 1 });
    await access.apply();
  }

  /** Everybody this account blocked. `openDM` with the account id gives the conversation, to unblock it. */
  async blocked(): Promise<readonly Peer[]> {
    return this.use().conversations.blocked();
  }

  /** Sets the name peers may show for this account, and tells it to its contacts. */
  async setProfile({ name }: { readonly name: string | undefined }): Promise<void> {
    const { account, conversations, sender, peers } = this.use().parts;
    await this.decide({ name, nameVersion: account.current.nameVersion + 1 });
    // The name as it is by then: of several that were set at once, each contact hears the last one last.
    const saying = async () => ({ kind: "profile", name: account.current.name }) as const;
    for (const contact of await peers.contacts()) sender.say(await conversations.of(contact), saying);
  }

  /** A redacted picture of this client for support: no ids, names, keys or texts. */
  async debugBundle(): Promise<DebugBundle> {
    return debugBundle(this.use().parts, this.current);
  }

  /** Closes connections and store after what is being written. What is in the outbox goes with the next client. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  /** For `startClient`: where the parts tell what happens. */
  readonly hooks: ClientHooks = announcing({
    emit: (type, detail) => this.emit(type, detail),
    become: (state, reason) => this.become(state, reason),
    failed: (error) => this.failed(error),
    shown: () => (this.closing === undefined ? this.running : undefined),
  });

  /** For `startClient`: takes the composed parts and begins to connect. */
  start(parts: ClientParts): void {
    const conversations = new OpenConversations(parts);
    const requests = new Requests({ ...parts, open: (account) => conversations.of(account) });
    const groups = openGroups(parts);
    const { groupLogs: logs } = parts;
    const invitations = new Invitations({ ...parts, logs, open: (group) => groups.of(group) });
    const search = openSearch(parts, { conversations, groups });
    this.running = { parts, conversations, requests, groups, invitations, search };
    parts.groupMail.start();
    if (this.closing === undefined) parts.relay.start();
  }

  /** Changes a setting and tells the other devices, in one commit. */
  private async decide(fields: Partial<Row<"account">>): Promise<void> {
    const { account, store, accountState } = this.use().parts;
    const own = account.change(fields);
    const told = accountState.queue({ own: "own", contacts: [] });
    await store.commit([own, ...told.flatMap(({ changes }) => changes)]);
    for (const { sent } of told) sent();
  }

  /** Memory and disk may differ from here on, so the client ends. */
  private failed(error: unknown): void {
    if (this.closing !== undefined) return;
    this.failure = error instanceof SottoError ? error : new SottoError("storeFailed", { cause: error });
    void this.close();
  }

  private become(state: ClientState, reason: SottoError | undefined): void {
    if (this.current === "closed" || (this.current === state && reason === undefined)) return;
    this.current = state;
    this.emit("state", { state, reason });
  }

  private async end(): Promise<void> {
    const running = this.running;
    running?.requests.close();
    running?.invitations.close();
    if (running !== undefined) await closeParts(running.parts).catch((error: unknown) => this.failed(error));
    this.become("closed", this.failure);
  }

  private use(): Running {
    if (this.running === undefined || this.closing !== undefined) throw new SottoError("closed");
    return this.running;
  }
}

/** What a started client consists of. */
interface Running {
  readonly parts: ClientParts;
  readonly conversations: OpenConversations;
  readonly requests: Requests;
  readonly groups: Groups;
  readonly invitations: Invitations;
  readonly search: { find(query: string, options: SearchOptions): Promise<readonly SearchHit[]> };
}
