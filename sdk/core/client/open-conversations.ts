/** The conversations an app holds: whom they are with, and one object for each. */

import { type AccountId, SottoError } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import { People, type Whom } from "../consent/people.js";
import { isShown } from "../consent/relations.js";
import { DirectConversation, type Peer } from "../conversations/direct-conversation.js";

/** Opens conversations, each exactly once. */
export class OpenConversations {
  private readonly open = new Map<AccountId, Promise<DirectConversation>>();

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

  /** Every conversation there is, but those of people who only asked, were declined or are blocked. */
  async shown(): Promise<readonly DirectConversation[]> {
    const { conversations, peers } = this.parts;
    const shown: AccountId[] = [];
    for (const peer of await conversations.peers()) {
      if (isShown((await peers.get(peer)).relation)) shown.push(peer);
    }
    return Promise.all(shown.map((peer) => this.of(peer)));
  }

  /** Everybody this account blocked. */
  async blocked(): Promise<readonly Peer[]> {
    const blocked = await this.parts.consent.blocked();
    return Promise.all(blocked.map((account) => this.peer(account)));
  }

  private async make(account: AccountId): Promise<DirectConversation> {
    const { platform, conversations, sender, confirmations, typing, trust, consent } = this.parts;
    const state = await conversations.of(account);
    return new DirectConversation({
      ...{ state, sender, confirmations, typing, trust, consent, log: platform.log },
      peer: () => this.peer(account),
    });
  }

  private async peer(account: AccountId): Promise<Peer> {
    const { userId, name, verification, relation } = await this.parts.peers.get(account);
    return { accountId: account, userId, name, verification, relation };
  }
}
