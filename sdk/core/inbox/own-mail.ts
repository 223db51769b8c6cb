/** What other devices of this account say: what they sent, what they decided, and history. Runs under the own account's lock. */

import type { AccountId, ConversationId, Evidence, GroupStanding } from "@sotto/protocol";
import { happened } from "../consent/relations.js";
import { Conversations } from "../conversations/conversations.js";
import type { AccountState } from "../devices/account-state.js";
import type { FirstState } from "../devices/first-state.js";
import { isSynced, type SentSync } from "../devices/sent-sync.js";
import { Genuine, type Wording } from "../franking/genuine.js";
import type { Invited } from "../groups/invited.js";
import type { GroupLogs, GroupSnapshot } from "../groups/log/group-logs.js";
import type { History } from "../history/history.js";
import type { Address } from "../ports.js";
import type { RegisterOrders } from "../registers/register-orders.js";
import type { Registers } from "../registers/registers.js";
import type { Row } from "../rows.js";
import type { OwnSaid, Word } from "./fitting.js";
import { type Commit, isPassing, type Mail, type MailParts } from "./mail.js";
import type { Decrypted } from "./open-envelope.js";
import { both, nothing, type Plan } from "./plan.js";
import { written } from "./written.js";

/** What taking mail of own devices works with. */
export interface OwnMailParts extends MailParts {
  readonly accountState: Pick<AccountState, "merge">;
  readonly firstState: Pick<FirstState, "everything">;
  readonly registers: Pick<Registers, "merge">;
  readonly registerOrders: Pick<RegisterOrders, "missed">;
  readonly sentSync: Pick<SentSync, "missed">;
  readonly history: Pick<History, "take" | "acknowledged" | "missed">;
  readonly groupLogs: Pick<GroupLogs, "adopt" | "get" | "status">;
  readonly invited: Pick<Invited, "get">;
  /** Another device was told of an invitation, and it waits here too. */
  invitedToo(group: ConversationId): void;
  /** This account stands in another way to a group, by the word of another device: it came, went, or answered. */
  groupMoved(group: ConversationId, before: GroupSnapshot | undefined): void;
  /** The evidence that another device told of with its own words, if it is of these words. */
  ownEvidence(said: Wording, encoded: Uint8Array | undefined): Evidence | undefined;
  failed(error: unknown): void;
}

/**
 * Takes it. The own account's lock is held, and taken before any other account's: whoever holds another's never waits
 * for it.
 */
export class OwnMail {
  constructor(private readonly parts: OwnMailParts) {}

  /** Takes what a device says; `undefined` for what was no fit thing to say, of which only the ratchet is kept. */
  async take(mail: Mail, { sender, records }: Decrypted, said: OwnSaid | undefined): Promise<Commit> {
    const { accountState, firstState, groupLogs, counters } = this.parts;
    const commit = (plan: Plan) =>
      mail.commit({ build: () => [...records.takeChanges(), ...plan.build()], after: plan.after });
    if (said === undefined) return commit(nothing);
    if (isPassing(mail)) {
      counters.count("ephemeralDropped");
      return commit(nothing);
    }
    switch (said.type) {
      case "sent":
        return this.sent(said, sender, commit);
      case "state": {
        const answered = await this.answered(said.resendOf, sender.account);
        const told = said.body.last === "yes" ? firstState.everything(sender.device) : nothing;
        return accountState.merge(said.body, (plan) => commit(both(answered, plan, told)));
      }
      case "groups": {
        const answered = await this.answered(said.resendOf, sender.account);
        const adopted = await groupLogs.adopt(said.body);
        return commit(both(answered, adopted, await this.moving(said.body.groups.map(({ group }) => group))));
      }
      case "registers": {
        const answered = await this.answered(said.resendOf, sender.account);
        return this.parts.registers.merge(said.registers, (plan) => commit(both(answered, plan)));
      }
      case "archive":
      case "archived":
      case "word":
        return commit(await this.other(said, sender));
      default:
        return said satisfies never;
    }
  }

  /** What follows from a word on groups, besides what their logs make of it: told once it is durable. */
  private async moving(groups: readonly ConversationId[]): Promise<Plan> {
    const { groupLogs, invited, invitedToo, groupMoved } = this.parts;
    const before = await Promise.all(
      groups.map(async (group) => ({
        ...{ group, status: groupLogs.status(group), snapshot: groupLogs.get(group) },
        isInvited: (await invited.get(group)) !== undefined,
      })),
    );
    const told = async () => {
      for (const { group, status, snapshot, isInvited } of before) {
        const isInvitedNow = (await invited.get(group)) !== undefined;
        if (groupLogs.status(group) !== status || (isInvited && !isInvitedNow)) groupMoved(group, snapshot);
        else if (isInvitedNow && !isInvited) invitedToo(group);
      }
    };
    return { build: () => [], after: [() => void told().catch((error: unknown) => this.parts.failed(error))] };
  }

  private async other(
    said: Extract<OwnSaid, { type: "archive" | "archived" | "word" }>,
    sender: Address,
  ): Promise<Plan> {
    const { history } = this.parts;
    if (said.type === "word") return this.word(said.payload, sender);
    const answered = await this.answered(said.resendOf, sender.account);
    if (said.type === "archive") return both(answered, await history.take(said.encoded, sender.device));
    return both(answered, await history.acknowledged(said.encoded, sender.device));
  }

  private async word(word: Word, sender: Address): Promise<Plan> {
    const { history, registerOrders, sentSync, repairs, resends } = this.parts;
    switch (word.type) {
      case "retry":
        return resends.answer(sender, word.envelopes);
      case "unavailable":
        return repairs.lost(sender, undefined, word.envelopes);
      case "nothing":
        return this.answered(word.resendOf, sender.account);
      case "missed":
        return both(
          await history.missed(sender.device, word.atMs),
          await registerOrders.missed(sender.device, word.atMs),
          await sentSync.missed(sender.device, word.atMs),
        );
      default:
        return word satisfies never;
    }
  }

  /** What did not open came again: it is asked for no more. */
  private answered(envelope: Uint8Array | undefined, account: AccountId): Promise<Plan> {
    return this.parts.waiting.emptied(envelope, account, undefined);
  }

  /** A content of this account, accepted by the relay: its place in the conversation, and who was asked by it. */
  private async sent(
    { payload, opened }: Extract<OwnSaid, { type: "sent" }>,
    sender: Address,
    commit: (plan: Plan) => Commit,
  ): Promise<Commit> {
    const { conversations, locks, peers, clock, counters } = this.parts;
    const { peer, group, atMs: acceptedMs } = payload;
    const answered = await this.answered(payload.resendOf, sender.account);
    const thread = await conversations.threadOf({ recipient: peer, group: group?.id });
    const write = () =>
      locks.run(Conversations.lockKey(thread), async () => {
        const evidence = this.parts.ownEvidence(opened, payload.evidence);
        const said = Genuine.saidByOwnDevice(opened, evidence);
        const incoming = { said, atMs: clock.now(), acceptedMs, status: "synced" } as const;
        const outcome = isSynced(opened.content) ? await thread.writer.write(incoming) : undefined;
        if (outcome === undefined || outcome.kind === "refused") counters.count("contentRefused");
        const kept = outcome === undefined ? [] : await this.parts.evidence.shown(said, outcome, standingIn(group));
        const shown =
          outcome === undefined
            ? nothing
            : both(written(this.parts, thread, { outcome }), { build: () => kept, after: [] });
        const asked = peer === undefined ? nothing : this.asked(await peers.get(peer));
        return commit(both(answered, asked, shown));
      });
    return peer === undefined ? write() : locks.run(peer, write);
  }

  /** Whoever another device wrote to first was asked by it. */
  private asked(before: Row<"peer">): Plan {
    if (before.relation !== "none") return nothing;
    const after = { ...before, ...happened(before, "sent") };
    return { build: () => [this.parts.peers.change(after)], after: [] };
  }
}

function standingIn(group: GroupStanding | undefined): Pick<GroupStanding, "revision" | "head"> | undefined {
  return group === undefined ? undefined : { revision: group.revision, head: group.head };
}
