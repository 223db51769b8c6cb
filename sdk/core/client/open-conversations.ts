/** The conversations an app holds: whom they are with, and one object for each. */

import { type AccountId, type ConversationId, SottoError } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import { People, type Whom } from "../consent/people.js";
import { isShown } from "../consent/relations.js";
import { DirectConversation, type Peer } from "../conversations/direct-conversation.js";
import { Notes } from "../registers/notes.js";

/** Which conversations are asked for: those that have the label, those that the agent looks after, or those with both. */
export interface Filed {
  /** The id of a label. */
  readonly label?: string | undefined;
  readonly assignee?: string | undefined;
}

/** Opens conversations, each exactly once. */
export class OpenConversations {
  private readonly open = new Map<AccountId, Promise<DirectConversation>>();
  /** Whom each of them is with. */
  private readonly peers = new Map<ConversationId, AccountId>();

  private readonly people: People;

  constructor(private readonly parts: ClientParts) {
    this.people = new People(parts);
  }

  /**
   * The conversation with somebody; if they asked to write to this account, it accepts.
   *
   * @throws unknownUser, policyDenied, invalidArgument, offline; see `Client.openDM`.
   */
  async with(whom: Whom): Promise<DirectConversation> {
    const { account: me, arrivals, consent } = this.parts;
    const account = await this.people.reachable(whom);
    if (account === me.id) throw new SottoError("invalidArgument", { detail: "a conversation is with somebody else" });
    if ((await arrivals.request(account)) !== undefined) await consent.accept(account);
    return this.of(account);
  }

  /** The conversation with an account, whatever its relation. */
  of(account: AccountId): Promise<DirectConversation> {
    const present = this.open.get(account);
    if (present !== undefined) return present;
    const opening = this.make(account);
    this.open.set(account, opening);
    opening.catch(() => this.open.delete(account));
    return opening;
  }

  /** The conversation with an id; `undefined` if it was not opened and nothing was said in it here. */
  async withId(id: ConversationId): Promise<DirectConversation | undefined> {
    const peer = this.peers.get(id) ?? (await this.parts.conversations.peerIn(id));
    return peer === undefined ? undefined : this.of(peer);
  }

  /** Every conversation there is, but those of people who only asked, were declined or are blocked. */
  async shown({ label, assignee }: Filed = {}): Promise<readonly DirectConversation[]> {
    const { conversations, peers } = this.parts;
    const shown: DirectConversation[] = [];
    for (const peer of await conversations.peers()) {
      if (!isShown((await peers.get(peer)).relation)) continue;
      const conversation = await this.of(peer);
      const isLabelled = label === undefined || (await conversation.hasLabel(label));
      const isAssigned = assignee === undefined || (await conversation.assignee()) === assignee;
      if (isLabelled && isAssigned) shown.push(conversation);
    }
    return shown;
  }

  /** Everybody this account blocked. */
  async blocked(): Promise<readonly Peer[]> {
    const blocked = await this.parts.consent.blocked();
    return Promise.all(blocked.map((account) => this.peer(account)));
  }

  private async make(account: AccountId): Promise<DirectConversation> {
    const { platform, conversations, sender, confirmations, typing, trust, consent, registers, reports } = this.parts;
    const state = await conversations.of(account);
    this.peers.set(state.timeline.id, account);
    return new DirectConversation({
      ...{ state, sender, confirmations, typing, trust, consent, reports, log: platform.log },
      notes: new Notes({ thread: state, registers }),
      peer: () => this.peer(account),
    });
  }

  private async peer(account: AccountId): Promise<Peer> {
    const { userId, name, verification, relation } = await this.parts.peers.get(account);
    const accountRole = await this.parts.roles.of(account);
    return { accountId: account, userId, name, accountRole, verification, relation };
  }
}
