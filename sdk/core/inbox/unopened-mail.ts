/** Mail that did not open: its place is kept, and its sender asked for it where that tells nobody more than it should. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Arrivals } from "../consent/arrivals.js";
import { judge } from "../consent/judge.js";
import { Conversations, type GroupThread, type Thread } from "../conversations/conversations.js";
import { hidden } from "../conversations/incoming.js";
import { LOST } from "../conversations/item-reader.js";
import type { Counters } from "../counters.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Address, Clock, StoreChange } from "../ports.js";
import { encodeRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { GroupVerdicts } from "./group-verdict.js";
import { type Commit, isPassing, type Mail } from "./mail.js";
import type { Opened } from "./open-envelope.js";
import { both, nothing, type Plan } from "./plan.js";
import type { Repairs } from "./repairs.js";

/** What it works with. */
export interface UnopenedMailParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly locks: KeyedLock;
  readonly conversations: Pick<Conversations, "of" | "group">;
  readonly groupLogs: Pick<GroupLogs, "all" | "status">;
  readonly verdicts: Pick<GroupVerdicts, "placeIn" | "isMember">;
  readonly arrivals: Pick<Arrivals, "requested" | "dropped">;
  readonly repairs: Pick<Repairs, "wake">;
  readonly counters: Counters;
  readonly clock: Clock;
  /** A new item is durable. */
  arrived(thread: Thread, sequence: number): void;
}

type Undecryptable = Extract<Opened, { kind: "undecryptable" }>;

/** Takes it. Runs under the sender's lock. */
export class UnopenedMail {
  constructor(private readonly parts: UnopenedMailParts) {}

  /** Commits what is kept of an envelope that did not open. */
  async take(mail: Mail, unopened: Undecryptable): Promise<Commit> {
    const { store, account } = this.parts;
    if (isPassing(mail)) return mail.commit(nothing);
    if ((await store.get(keys.undecryptable(mail.frame.messageId))) !== undefined) return mail.commit(nothing);
    if (unopened.sender.account === account.id) return this.own(mail, unopened.sender);
    const { group } = unopened;
    if (group !== undefined) return this.inGroup(mail, unopened, group);
    const shared = await this.sharedWith(unopened.sender.account);
    return shared === undefined ? this.peers(mail, unopened) : this.unplaced(mail, unopened, shared);
  }

  /** A group in which somebody is a member who is known by nothing else. */
  private async sharedWith(account: AccountId): Promise<ConversationId | undefined> {
    const { peers, groupLogs, verdicts } = this.parts;
    if ((await peers.get(account)).relation !== "none") return undefined;
    return groupLogs.all().find(({ id }) => verdicts.isMember(id, account))?.id;
  }

  /**
   * What came under a sender key was said in a group, and is no stranger's asking, whoever sent it. It keeps a place there if
   * its sender is a member, as far as this device knows; else it is asked for once the log says so.
   */
  private async inGroup(mail: Mail, unopened: Undecryptable, group: ConversationId): Promise<Commit> {
    const { conversations, locks, repairs, counters, peers, verdicts, groupLogs } = this.parts;
    const { sender, reason } = unopened;
    if ((await peers.get(sender.account)).relation === "blocked") {
      counters.count("blockedDropped");
      return mail.commit(nothing);
    }
    const place = await verdicts.placeIn(group);
    if (place === "none" || place === "left") {
      counters.count("groupRefused");
      return mail.commit(nothing);
    }
    const isHeard = groupLogs.status(group) === "joined" && verdicts.isMember(group, sender.account);
    if (!isHeard) return this.unplaced(mail, unopened, group);
    const thread: GroupThread = await conversations.group(group);
    return locks.run(Conversations.lockKey(thread), async () => {
      const told = (sequence: number) => {
        this.parts.arrived(thread, sequence);
        repairs.wake();
      };
      return mail.commit(this.place(mail, { thread, sender, reason }, told));
    });
  }

  /** What members hand each other has no place, and what may be none of theirs is given none: it is only asked for. */
  private unplaced(mail: Mail, { sender, reason }: Undecryptable, conversation: ConversationId): Commit {
    if (reason === LOST) return mail.commit(nothing);
    return mail.commit({
      build: () => [this.row(mail, sender, { conversation })],
      after: [() => this.parts.repairs.wake()],
    });
  }

  /** Between devices of one account there is no place to show it in: it is counted and asked for. */
  private own(mail: Mail, sender: Address): Commit {
    const { counters, repairs } = this.parts;
    counters.count("ownUndecryptable");
    return mail.commit({ build: () => [this.row(mail, sender, {})], after: [() => repairs.wake()] });
  }

  /** At best it was what its sender may say: of a stranger a request, whose words are asked for once it is accepted. */
  private async peers(mail: Mail, { sender, reason }: Undecryptable): Promise<Commit> {
    const { account, peers, conversations, arrivals, repairs, locks } = this.parts;
    const before = await peers.get(sender.account);
    const payload = { type: "contact", profileKey: new Uint8Array(0) } as const;
    const verdict = judge({ relation: before.relation, policy: account.current.policy, payload });
    if (verdict.kind === "drop") {
      const { changes, after } = await arrivals.dropped(sender.account, verdict.why);
      return mail.commit({ build: () => changes, after });
    }
    const state = await conversations.of(sender.account);
    return locks.run(Conversations.lockKey(state), async () => {
      if (verdict.kind === "request") {
        return mail.commit(
          both(
            this.place(mail, { thread: state, sender, reason }, () => undefined),
            this.requested(before),
          ),
        );
      }
      const told = (sequence: number) => {
        this.parts.arrived(state, sequence);
        repairs.wake();
      };
      return mail.commit(this.place(mail, { thread: state, sender, reason }, told));
    });
  }

  private requested(before: Row<"peer">): Plan {
    const { peers, arrivals, clock } = this.parts;
    const { changes, after } = arrivals.requested(before.account, undefined, clock.now());
    return { build: () => [peers.change({ ...before, relation: "received" }), ...changes], after };
  }

  /** A place in the conversation, at the time of the envelope that did not open. */
  private place(
    mail: Mail,
    { thread, sender, reason }: { readonly thread: Thread } & Pick<Undecryptable, "sender" | "reason">,
    told: (sequence: number) => void,
  ): Plan {
    const { timeline } = thread;
    let sequence = 0;
    return {
      build: () => {
        const { acceptedMs, messageId: envelope } = mail.frame;
        const row = hidden(sender.account, this.parts.clock.now());
        const placed = timeline.append({ ...row, shape: "undecryptable", acceptedMs, reason, envelope });
        sequence = placed.sequence;
        const asked = reason === LOST ? [] : [this.row(mail, sender, { conversation: timeline.id, sequence })];
        return [...placed.changes, ...asked];
      },
      after: [
        () => {
          timeline.announce(sequence);
          told(sequence);
        },
      ],
    };
  }

  private row(
    { frame }: Mail,
    { account: sender, device }: Address,
    place: Pick<Row<"undecryptable">, "conversation" | "sequence">,
  ): StoreChange {
    const { acceptedMs, messageId } = frame;
    const row = { sender, device, ...place, sinceMs: this.parts.clock.now(), acceptedMs };
    return { key: keys.undecryptable(messageId), value: encodeRow("undecryptable", row) };
  }
}
