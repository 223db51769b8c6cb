/**
 * What members of groups say: judged by the group's log, then taken into the group's thread. Runs under the sender's lock. No
 * relation is asked for, for who shares a group may speak in it; but who is blocked is not heard.
 */

import type { ConversationId } from "@sotto/protocol";
import { type ConversationState, Conversations, type GroupThread } from "../conversations/conversations.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import type { SenderKeys } from "../groups/sending/sender-keys.js";
import type { StoreChange } from "../ports.js";
import { withLearnt } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { MemberSaid } from "./fitting.js";
import type { GroupContents } from "./group-contents.js";
import type { GroupVerdicts } from "./group-verdict.js";
import type { HeldMail } from "./held-mail.js";
import { type Commit, isPassing, type Mail, type MailParts } from "./mail.js";
import type { Decrypted } from "./open-envelope.js";
import { both, nothing, type Plan } from "./plan.js";
import { acceptance } from "./waiting.js";

/** What taking mail of members works with. */
export interface GroupMailParts
  extends Pick<MailParts, "peers" | "locks" | "repairs" | "resends" | "waiting" | "counters" | "clock"> {
  readonly store: SealedStore;
  readonly conversations: Pick<Conversations, "of" | "group">;
  readonly logs: Pick<GroupLogs, "judge" | "heard">;
  readonly senderKeys: Pick<SenderKeys, "take">;
  readonly verdicts: GroupVerdicts;
  readonly contents: GroupContents;
  readonly held: HeldMail;
  failed(error: unknown): void;
}

/** Mail that is held so long is let go: no relay delivers anything older, and no log is withheld for ever. */
const KEEP_MS = 31 * 24 * 3_600_000;

type ContentSaid = Extract<MemberSaid, { readonly type: "content" }>;

/** Takes it. */
export class GroupMail {
  private tail: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly parts: GroupMailParts) {}

  /** Takes what somebody says in a group. What nobody there may say leaves nothing but the moved ratchet. */
  async take(mail: Mail, decrypted: Decrypted, said: MemberSaid): Promise<Commit> {
    const { conversations, locks, counters, verdicts, waiting } = this.parts;
    const { identityChange, records, sender } = decrypted;
    const commit = (plan: Plan) => {
      const committed = mail.commit({
        build: () => [
          ...(identityChange?.build() ?? []),
          ...records.takeChanges(),
          ...this.learning(decrypted),
          ...plan.build(),
        ],
        after: plan.after,
      });
      identityChange?.announceAfter(committed.durable);
      return committed;
    };
    if (isPassing(mail)) {
      counters.count("ephemeralDropped");
      return commit(nothing);
    }
    if ((await verdicts.placeIn(said.group.id)) === "none") return commit(this.refused());
    const thread = await conversations.group(said.group.id);
    const inThread = (elsewhere: (answered: Uint8Array) => Promise<Plan>) =>
      locks.run(Conversations.lockKey(thread), async () => {
        const plan = await this.judged(mail, { thread, decrypted, said });
        const answered = answeredBy(said);
        return commit(answered === undefined ? plan : both(plan, await elsewhere(answered)));
      });
    const direct = await this.misplaced(said, sender.account);
    if (direct === undefined) return inThread(async () => nothing);
    // A direct conversation's lock is taken before a group's, and nobody takes them the other way round.
    return locks.run(Conversations.lockKey(direct), () =>
      inThread((answered) => waiting.emptied(answered, sender.account, direct)),
    );
  }

  /** Takes up what is held: an earlier run may have read its log far enough in its last moment, or the realm is another now. */
  start(): void {
    for (const group of this.parts.held.groups()) this.wake(group);
  }

  /** More is known of a group, or of where this account stands in it: judges what is held for it. */
  wake(group: ConversationId): void {
    if (this.isClosed) return;
    this.tail = this.tail.then(() => this.release(group)).catch((error: unknown) => this.parts.failed(error));
  }

  /** Judges nothing any more; what is held waits for the next client. */
  close(): void {
    this.isClosed = true;
  }

  /** Settles when everything woken for so far was judged. */
  async settled(): Promise<void> {
    await this.tail;
  }

  /** A contact's envelope that did not open was given a place between the two; its answer shows that it was said in a group. */
  private async misplaced(
    said: MemberSaid,
    sender: Decrypted["sender"]["account"],
  ): Promise<ConversationState | undefined> {
    const { waiting, conversations } = this.parts;
    const answered = answeredBy(said);
    if (answered === undefined) return undefined;
    const direct = await conversations.of(sender);
    return (await waiting.hasPlace(answered, sender, direct)) ? direct : undefined;
  }

  /** A member that is met here for the first time is known from then on, as a stranger. */
  private learning({ peer, sender, senderIdentity, identityChange, era }: Decrypted): readonly StoreChange[] {
    // What an identity shows that its account has given up changes nothing of today.
    if (era === "former") return [];
    const { relation } = peer;
    const learnt = withLearnt(peer, {
      ...{ device: sender.device, identityKey: senderIdentity, relation },
      ...{ profileKey: undefined, claimedUserId: undefined, named: undefined },
    });
    return learnt === peer && identityChange === undefined ? [] : [this.parts.peers.change(learnt)];
  }

  private refused(): Plan {
    this.parts.counters.count("groupRefused");
    return nothing;
  }

  private async judged(mail: Mail, taking: Taking): Promise<Plan> {
    const { logs, senderKeys, waiting, counters, verdicts } = this.parts;
    const { thread, decrypted, said } = taking;
    const { sender, senderIdentity, peer, era } = decrypted;
    const { group } = said;
    const { account } = sender;
    const isFormer = era === "former";
    // Who has given up an identity still has its say, and hands over and asks for nothing any more.
    if (isFormer && said.type !== "content") return this.refused();
    if (!isFormer && !verdicts.isOf(group.id, account, [senderIdentity])) return this.refused();
    if (said.type === "word") return this.word(taking, said.payload);
    if (said.type === "content" && peer.relation === "blocked") {
      counters.count("blockedDropped");
      return waiting.emptied(said.payload.resendOf, account, thread);
    }
    const heard: Plan = { build: () => [], after: [() => logs.heard(group, account)] };
    if (said.type === "content") return both(await this.content(mail, { thread, decrypted, said }), heard);
    const { revision } = group;
    const verdict = await verdicts.on(group.id, { account, revision, acceptedMs: mail.frame.acceptedMs });
    // In an announcement group most may say nothing, and yet tell each other of the log, under keys of their own.
    if (verdict === "no" && !verdicts.isMember(group.id, account)) return this.refused();
    if (said.type === "groupChange") return heard;
    const emptied = await waiting.emptied(said.resendOf, account, thread);
    return both(await senderKeys.take(sender, said), emptied, heard);
  }

  private async word(
    { thread, decrypted: { sender, peer } }: Taking,
    word: Extract<MemberSaid, { type: "word" }>["payload"],
  ): Promise<Plan> {
    const { resends, repairs, waiting } = this.parts;
    switch (word.type) {
      case "retry":
        return resends.answer(sender, word.envelopes, { group: thread.group, relation: peer.relation });
      case "unavailable":
        return repairs.lost(sender, thread, word.envelopes);
      case "nothing":
        return waiting.emptied(word.resendOf, sender.account, thread);
      default:
        return word satisfies never;
    }
  }

  private async content(
    { frame }: Mail,
    { thread, decrypted: { sender }, said }: { readonly said: ContentSaid } & Omit<Taking, "said">,
  ): Promise<Plan> {
    const { waiting, contents } = this.parts;
    const { resendOf, atMs } = said.payload;
    const resolution = await waiting.resolution(resendOf, sender.account, thread);
    const told = acceptance(frame.acceptedMs, atMs);
    const row = {
      ...{ group: thread.group, sender: sender.account, device: sender.device, revision: said.group.revision },
      ...{ envelope: resendOf ?? frame.messageId, resendOf, content: said.opened.encoded },
      // What did not open may itself have been sent again.
      acceptedMs: Math.min(resolution.acceptedMs ?? told, told),
      // Who was removed could say that it said this before.
      cameMs: resolution.acceptedMs ?? frame.acceptedMs,
      ...{ head: said.group.head, meantFor: said.meantFor, frank: said.payload.frank },
      ...{ commitment: frame.commitment, stamp: frame.stamp, stampedMs: frame.acceptedMs },
    };
    return contents.taken(thread, row, resolution);
  }

  private async release(group: ConversationId): Promise<void> {
    const { conversations, held, locks } = this.parts;
    if (this.isClosed) return;
    const thread = await conversations.group(group);
    for await (const row of held.of(group)) {
      if (this.isClosed) return;
      const released = await locks.run(Conversations.lockKey(thread), () => this.released(thread, row));
      if (released === undefined) continue;
      await released.durable;
      for (const work of released.after) work();
    }
  }

  /** One commit lets it go and shows it; `undefined` if it has to wait on. */
  private async released(thread: GroupThread, row: Parameters<HeldMail["drop"]>[0]): Promise<Commit | undefined> {
    const { held, store, waiting, contents, peers, verdicts, clock } = this.parts;
    const verdict = await contents.verdict(row);
    const isOld = clock.now() - row.acceptedMs > KEEP_MS;
    if ((verdict === "later" || !contents.isReady) && !isOld) return undefined;
    const { relation, identityKey, formerIdentities } = await peers.get(row.sender);
    const known = [...formerIdentities.map(({ key }) => key), ...(identityKey === undefined ? [] : [identityKey])];
    const isJudged = verdict === "yes" && contents.isReady;
    const counts = isJudged && relation !== "blocked" && verdicts.isOf(row.group, row.sender, known);
    const resolution = await waiting.resolution(row.resendOf, row.sender, thread);
    const plan = counts
      ? await contents.shown(thread, row, resolution)
      : await contents.refused(thread, row, resolution);
    return { durable: store.commit([...plan.build(), held.drop(row)]), after: plan.after };
  }
}

interface Taking {
  readonly thread: GroupThread;
  readonly decrypted: Decrypted;
  readonly said: MemberSaid;
}

/** The send that it answers, because that did not open. */
function answeredBy(said: MemberSaid): Uint8Array | undefined {
  switch (said.type) {
    case "content":
      return said.payload.resendOf;
    case "senderKey":
      return said.resendOf;
    case "word":
      return said.payload.type === "nothing" ? said.payload.resendOf : undefined;
    case "groupChange":
      return undefined;
    default:
      return said satisfies never;
  }
}
