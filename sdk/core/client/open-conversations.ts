/** The conversations an app holds: whom they are with, and one object for each. */

import { type AccountId, parseAccountId, SottoError } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import { isShown } from "../consent/relations.js";
import { DirectConversation, type Peer } from "../conversations/direct-conversation.js";
import { findMessage } from "../conversations/item-reader.js";
import { assertUserId } from "../options.js";

/** Whom to open a conversation with. */
export type Whom = { readonly userId: string } | { readonly accountId: AccountId };

/** Opens conversations, each exactly once. */
export class OpenConversations {
  private readonly open = new Map<AccountId, Promise<DirectConversation>>();

  constructor(private readonly parts: ClientParts) {}

  /**
   * The conversation with somebody; if they asked to write to this account, it accepts.
   *
   * @throws unknownUser, policyDenied, invalidArgument, offline; see `Client.openDM`.
   */
  async with(whom: Whom): Promise<DirectConversation> {
    const { account: me, arrivals, consent } = this.parts;
    const account = "accountId" in whom ? parseAccountId(whom.accountId) : await this.resolve(whom.userId);
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
    const { account: own, store, platform, conversations, sender, confirmations, typing, trust, consent } = this.parts;
    const state = await conversations.of(account);
    const me = own.id;
    return new DirectConversation({
      ...{ me, state, sender, confirmations, typing, trust, consent, log: platform.log },
      message: (id) => findMessage(store, state.timeline, id, [account, me]),
      peer: () => this.peer(account),
    });
  }

  private async peer(account: AccountId): Promise<Peer> {
    const { userId, name, verification, relation } = await this.parts.peers.get(account);
    return { accountId: account, userId, name, verification, relation };
  }

  /** The account of a user of the host, and whether it may be written to. */
  private async resolve(userId: string): Promise<AccountId> {
    assertUserId(userId);
    const { account: me, peers, relay, locks, store, grants } = this.parts;
    const known = await peers.accountOf(userId);
    if (known !== undefined && (await peers.get(known)).relation !== "none") return known;
    // Of a stranger the policy is asked anew each time; offline, the send will find out.
    if (known !== undefined && relay.device.state !== "ready") return known;
    const resolved = await relay.device.request({ type: "resolve", userId });
    const { account } = resolved;
    const { relation } = await peers.get(account);
    if (relation === "none" && account !== me.id) await grants.meet(userId, resolved);
    await locks.run(account, async () => store.commit(peers.remember(await peers.get(account), userId)));
    return account;
  }
}
