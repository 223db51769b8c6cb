/** From what an app calls somebody to the account, and whether they take a first message. */

import { type AccountId, type Frame, parseAccountId } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import { assertUserId } from "../options.js";

/** Whom an app means: by the host's name, or by the account. */
export type Whom = { readonly userId: string } | { readonly accountId: AccountId };

/** Finds accounts. */
export class People {
  constructor(
    private readonly parts: Pick<ClientParts, "account" | "peers" | "roles" | "relay" | "locks" | "store" | "grants">,
  ) {}

  /**
   * The account of somebody, to write to or to invite.
   *
   * @throws unknownUser if nobody registered under this user id; policyDenied (a `PolicyDeniedError`) if they take no first
   *   message on the grounds there are; invalidArgument; offline if the relay has to be asked and cannot.
   */
  async reachable(whom: Whom): Promise<AccountId> {
    if ("accountId" in whom) return parseAccountId(whom.accountId);
    const { userId } = whom;
    assertUserId(userId);
    const { account: me, peers, relay, grants } = this.parts;
    const known = await peers.accountOf(userId);
    if (known !== undefined && (await peers.get(known)).relation !== "none") return known;
    // Of a stranger the policy is asked anew each time; offline, the send will find out.
    if (known !== undefined && relay.device.state !== "ready") return known;
    const resolved = await relay.device.request({ type: "resolve", userId });
    const { account } = resolved;
    const { relation } = await peers.get(account);
    if (relation === "none" && account !== me.id) await grants.meet(userId, resolved);
    return this.remembered(resolved, userId);
  }

  /**
   * The account of somebody, whatever they take from strangers: a member is removed without being written to.
   *
   * @throws unknownUser if nobody registered under this user id; invalidArgument; offline if the relay has to be asked and
   *   cannot.
   */
  async accountOf(whom: Whom): Promise<AccountId> {
    if ("accountId" in whom) return parseAccountId(whom.accountId);
    const { userId } = whom;
    assertUserId(userId);
    const { peers, relay } = this.parts;
    const known = await peers.accountOf(userId);
    if (known !== undefined) return known;
    return this.remembered(await relay.device.request({ type: "resolve", userId }), userId);
  }

  private async remembered({ account, role }: Frame<"resolved">, userId: string): Promise<AccountId> {
    const { peers, roles, locks, store } = this.parts;
    await locks.run(account, async () => {
      const certified = await roles.heard(account, role);
      return store.commit([...peers.remember(await peers.get(account), userId), ...certified]);
    });
    return account;
  }
}
