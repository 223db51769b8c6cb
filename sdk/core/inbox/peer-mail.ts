/** What other accounts say: judged first, then taken into their conversation. Runs under the sender's lock. */

import type { Content, MessageId, Relation } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Arrivals, Consequence } from "../consent/arrivals.js";
import { judge, type Verdict } from "../consent/judge.js";
import { type ConversationState, Conversations } from "../conversations/conversations.js";
import type { Of } from "../conversations/kind-roles.js";
import { readStored } from "../conversations/stored-content.js";
import type { FirstState } from "../devices/first-state.js";
import type { Genuine } from "../franking/genuine.js";
import type { Invited } from "../groups/invited.js";
import type { Recovery } from "../history/recovery.js";
import type { Address } from "../ports.js";
import { encodeRow, keys, type Row } from "../rows.js";
import { withLearnt } from "../sessions/peers.js";
import type { PeerSaid, Word } from "./fitting.js";
import { type Commit, isPassing, type Mail, type MailParts } from "./mail.js";
import type { Decrypted, Opened } from "./open-envelope.js";
import { both, nothing, type Plan } from "./plan.js";
import type { Receipts } from "./receipts.js";
import type { Repairs } from "./repairs.js";
import { reportable } from "./reportable.js";
import { acceptance, type Resolution } from "./waiting.js";

/** What taking mail of others works with. */
export interface PeerMailParts extends MailParts {
  readonly account: OwnAccount;
  readonly repairs: Pick<Repairs, "lost" | "wake">;
  readonly arrivals: Pick<Arrivals, "requested" | "answered" | "dropped" | "words">;
  readonly firstState: Pick<FirstState, "dropped">;
  readonly receipts: Pick<Receipts, "owe" | "wake">;
  readonly recovery: Pick<Recovery, "answerMissed">;
  readonly invited: Pick<Invited, "arrived">;
  /** The peer has a message of this account that was given up here. */
  proven(state: ConversationState, id: MessageId): void;
}

type Unshown = Extract<Opened, { readonly kind: "unshown" }>;

/** Of what followed a name that is sent again, so much is looked through for a later one: a peer decides what it was behind. */
const MOST_LOOKED_THROUGH = 2_048;

/** Takes it. */
export class PeerMail {
  constructor(private readonly parts: PeerMailParts) {}

  /** Takes what somebody says; `undefined` for what was no fit thing to say, of which only the ratchet is kept. */
  take(mail: Mail, decrypted: Decrypted, said: PeerSaid | undefined): Promise<Commit> {
    const { peer: before } = decrypted;
    return this.under(mail, decrypted, (state) =>
      said === undefined
        ? this.learning(before, before, decrypted)
        : this.judged(mail, { decrypted, said, state, before }),
    );
  }

  /**
   * Takes what may not be shown: only the ratchet is kept, and the place of what it answers becomes empty. What the relay may have
   * spoilt is asked for again, unless it is an answer already.
   */
  unshown(mail: Mail, decrypted: Unshown): Promise<Commit> {
    const { peer: before, sender, resendOf, fault, era } = decrypted;
    if (isPassing(mail)) this.parts.counters.count("ephemeralDropped");
    const isAnswerable = before.relation === "accepted" && era === "present";
    const isWorthAsking = fault === "anybody" && resendOf === undefined && isAnswerable;
    return this.under(mail, decrypted, async (state) => {
      const learning = this.learning(before, before, decrypted);
      if (isWorthAsking && !isPassing(mail)) return both(learning, this.askedAgain(mail, decrypted, state));
      return both(learning, await this.parts.waiting.emptied(resendOf, sender.account, state));
    });
  }

  /** It keeps no place: nothing of it may be shown, and whether it comes at all is not known. */
  private askedAgain({ frame }: Mail, { sender }: Unshown, { timeline }: ConversationState): Plan {
    const { clock, repairs } = this.parts;
    const { messageId, acceptedMs } = frame;
    const row = { sender: sender.account, device: sender.device, conversation: timeline.id };
    const value = encodeRow("undecryptable", { ...row, sinceMs: clock.now(), acceptedMs });
    return { build: () => [{ key: keys.undecryptable(messageId), value }], after: [() => repairs.wake()] };
  }

  private async under(
    mail: Mail,
    decrypted: Decrypted,
    decide: (state: ConversationState) => Plan | Promise<Plan>,
  ): Promise<Commit> {
    const { conversations, locks } = this.parts;
    const { sender, identityChange, records } = decrypted;
    const state = await conversations.of(sender.account);
    return locks.run(Conversations.lockKey(state), async () => {
      const plan = await decide(state);
      const commit = mail.commit({
        build: () => [...(identityChange?.build() ?? []), ...records.takeChanges(), ...plan.build()],
        after: plan.after,
      });
      identityChange?.announceAfter(commit.durable);
      return commit;
    });
  }

  /** Stores the sender's row if it is another now. */
  private learning(before: Row<"peer">, after: Row<"peer">, { identityChange }: Decrypted): Plan {
    const { peers } = this.parts;
    return after === before && identityChange === undefined
      ? nothing
      : { build: () => [peers.change(after)], after: [] };
  }

  private async judged(mail: Mail, taking: Taking): Promise<Plan> {
    const { account, arrivals, counters } = this.parts;
    const { said, before, decrypted, state } = taking;
    const content = said.type === "content" ? said.opened.content : undefined;
    const verdict = judge({
      relation: before.relation,
      policy: account.current.policy,
      payload: said.payload,
      content,
      words: before.relation === "received" ? await arrivals.words(before.account) : "here",
    });
    if (isPassing(mail)) {
      const isTyping = content?.kind === "typing" && verdict.kind === "take" && before.relation === "accepted";
      if (!isTyping) counters.count("ephemeralDropped");
      const detail = content?.kind === "typing" ? { from: content.sender, typing: content.typing } : undefined;
      const tell = () => detail !== undefined && this.parts.tell(state, { type: "typing", detail });
      return both(this.learning(before, before, decrypted), { build: () => [], after: isTyping ? [tell] : [] });
    }
    if (verdict.kind === "drop") {
      const dropped = await arrivals.dropped(before.account, verdict.why);
      const noted: Plan = { build: () => this.parts.firstState.dropped(), after: [] };
      return both(this.learning(before, before, decrypted), planOf(dropped), noted);
    }
    // An identity that was given up still has its say, but asks, accepts and tells nothing any more.
    if (decrypted.era === "former") {
      const isSaid = verdict.kind === "take" && before.relation === "accepted" && said.type === "content";
      return isSaid ? this.taken(mail, taking, verdict) : nothing;
    }
    const name = content?.kind === "profile" && (await this.isLastName(mail, taking, content)) ? content : undefined;
    const after = learnt(taking, verdict.relation, name);
    const isAnswer = before.relation !== "accepted" && verdict.relation === "accepted";
    return both(
      this.learning(before, after, decrypted),
      isAnswer ? fromTurn(() => arrivals.answered(before.account)) : nothing,
      await this.taken(mail, taking, verdict),
    );
  }

  /**
   * Whether the peer said no later name that is here: one that is sent again may come behind it. Looks through so much of what
   * followed, and no more: what comes again even later counts, as what is said anew would.
   */
  private async isLastName(mail: Mail, { said, state }: Taking, { counter }: Content): Promise<boolean> {
    if (said.type !== "content" || said.payload.resendOf === undefined) return true;
    const resolution = await this.parts.waiting.resolution(said.payload.resendOf, state.peer, state);
    const atMs = acceptedAt(mail, said, resolution);
    let looks = 0;
    for await (const { row } of state.timeline.since(atMs)) {
      looks += 1;
      if (looks > MOST_LOOKED_THROUGH) break;
      if (row.shape !== "content" || row.from !== state.peer || row.content.length === 0) continue;
      const other = readStored(row.content);
      const isLater = row.acceptedMs !== atMs || other.counter > counter;
      if (other.kind === "profile" && isLater) return false;
    }
    return true;
  }

  private async taken(
    mail: Mail,
    { decrypted, said, state }: Taking,
    verdict: Exclude<Verdict, { kind: "drop" }>,
  ): Promise<Plan> {
    const { waiting, arrivals, clock } = this.parts;
    const { peer } = state;
    switch (said.type) {
      case "content": {
        const resolution = await waiting.resolution(said.payload.resendOf, peer, state);
        const acceptedMs = acceptedAt(mail, said, resolution);
        return this.content({ state, opened: said.opened, resolution, acceptedMs, verdict });
      }
      case "contact": {
        const emptied = await waiting.emptied(said.payload.resendOf, peer, state);
        if (verdict.kind === "take") return emptied;
        return both(
          emptied,
          fromTurn(() => arrivals.requested(peer, undefined, clock.now())),
        );
      }
      case "invitation": {
        const emptied = await waiting.emptied(said.payload.resendOf, peer, state);
        const invited = await this.invited(state, said);
        if (verdict.kind === "take") return both(emptied, invited);
        const asked = fromTurn(() => arrivals.requested(peer, undefined, clock.now()));
        return both(emptied, invited, asked);
      }
      case "word":
        return this.word(state, decrypted.sender, said.payload);
      default:
        return said satisfies never;
    }
  }

  /** An invitation, with the evidence of what it says, where it waits for an answer. */
  private async invited(
    { peer, writer }: ConversationState,
    said: Extract<PeerSaid, { type: "invitation" }>,
  ): Promise<Plan> {
    const naming = await writer.naming(said.opened);
    if (naming === "taken") return nothing;
    const plan = await this.parts.invited.arrived(peer, said);
    const kept = await reportable(this.parts, said.opened, { kind: "applied" });
    const build = () => {
      const changes = plan.build();
      return changes.length === 0 ? changes : [...changes, ...naming, ...kept.build()];
    };
    return { build, after: plan.after };
  }

  private async word(state: ConversationState, sender: Address, word: Word): Promise<Plan> {
    const { waiting, repairs, resends, recovery } = this.parts;
    const { peer } = state;
    switch (word.type) {
      case "retry":
        return resends.answer(sender, word.envelopes);
      case "unavailable":
        return repairs.lost(sender, state, word.envelopes);
      case "nothing":
        return waiting.emptied(word.resendOf, peer, state);
      case "missed":
        return recovery.answerMissed(peer, word.atMs);
      default:
        return word satisfies never;
    }
  }

  private async content({
    state,
    opened,
    resolution,
    acceptedMs,
    verdict,
  }: {
    readonly state: ConversationState;
    readonly opened: Genuine;
    readonly resolution: Resolution;
    readonly acceptedMs: number;
    readonly verdict: Exclude<Verdict, { kind: "drop" }>;
  }): Promise<Plan> {
    const { clock, counters, receipts, arrivals } = this.parts;
    const atMs = clock.now();
    const outcome = await state.writer.write({
      ...{ said: opened, atMs, acceptedMs, status: "received", resolves: resolution.resolves },
    });
    if (outcome.kind === "refused") counters.count("contentRefused");
    const kept = await reportable(this.parts, opened, outcome);
    let sequence: number | undefined;
    let request: Consequence = { changes: [], after: [] };
    return {
      build: () => {
        const built = outcome.build();
        sequence = built.sequence;
        const changes = [...resolution.changes, ...built.changes, ...kept.build()];
        if (outcome.kind !== "shown") return changes;
        if (verdict.kind === "request") request = arrivals.requested(state.peer, sequence, atMs);
        const owed = verdict.kind === "take" && verdict.relation === "accepted" ? [receipts.owe(opened.content)] : [];
        return [...changes, ...owed, ...request.changes];
      },
      after: [
        () => {
          if (sequence !== undefined) {
            state.timeline.announce(sequence);
            // What a stranger says is a request, and no message, until it is accepted.
            if (verdict.kind === "take") this.parts.arrived(state, sequence);
            receipts.wake();
          }
          for (const work of kept.after) work();
          for (const telling of outcome.tellings) this.parts.tell(state, telling);
          for (const id of outcome.proven ?? []) this.parts.proven(state, id);
          for (const work of request.after) work();
          resolution.settle();
        },
      ],
    };
  }
}

/** What is being taken, and from whom as it was known before. */
interface Taking {
  readonly decrypted: Decrypted;
  readonly said: PeerSaid;
  readonly state: ConversationState;
  readonly before: Row<"peer">;
}

/** What the sender's row becomes. A stranger's name and picture are its own choice: they are taken from contacts only. */
function learnt(
  { before, decrypted, said }: Taking,
  relation: Relation,
  named: Of<"profile"> | undefined,
): Row<"peer"> {
  const introduced = said.type === "word" ? undefined : said.payload;
  return withLearnt(before, {
    device: decrypted.sender.device,
    identityKey: decrypted.senderIdentity,
    profileKey: introduced?.profileKey,
    claimedUserId: introduced?.userId,
    named: relation === "accepted" && named !== undefined ? { name: named.name } : undefined,
    relation,
  });
}

/** When the relay accepted what is said: what did not open may itself have been sent again. */
function acceptedAt(
  { frame }: Mail,
  { payload }: Extract<PeerSaid, { type: "content" }>,
  resolution: Resolution,
): number {
  const told = acceptance(frame.acceptedMs, payload.atMs);
  return Math.min(resolution.acceptedMs ?? told, told);
}

function planOf({ changes, after }: Consequence): Plan {
  return { build: () => changes, after };
}

/** A consequence that takes places of the outbox, and so is made in the turn that commits it. */
function fromTurn(make: () => Consequence): Plan {
  let after: Consequence["after"] = [];
  return {
    build: () => {
      const made = make();
      after = made.after;
      return made.changes;
    },
    after: [
      () => {
        for (const work of after) work();
      },
    ],
  };
}
