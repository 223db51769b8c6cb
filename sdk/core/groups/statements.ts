/**
 * Statements of how a group is called and looks: contents that can be reported, as anything else that is shown. Whoever changes
 * it says it to the group; whoever brought somebody in says it to them. Of one who is gone, who may have brought somebody in and
 * not heard it in time, the one who removed it does that, or an owner if it left.
 */

import {
  type AccountId,
  type Content,
  type ConversationId,
  decodeGroupEntry,
  equalBytes,
  type GroupState,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Author } from "../conversations/author.js";
import type { Conversations, GroupThread } from "../conversations/conversations.js";
import { readGroupItem, type ShownChange } from "../conversations/group-change.js";
import { changeAt } from "../conversations/group-items.js";
import { cursorOf } from "../conversations/items.js";
import type { MeantFor } from "../franking/checking.js";
import type { Genuine } from "../franking/genuine.js";
import { nothing, ordering, type Plan } from "../inbox/plan.js";
import type { Outbox } from "../outbox/outbox.js";
import type { StoreChange } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { AppliedChange, GroupChanged, GroupLogs } from "./log/group-logs.js";
import { areSame, type Looks, type Shown } from "./shown.js";
import type { GroupEffect } from "./state/effects.js";
import { memberOf } from "./state/permissions.js";

/** Newcomers of one batch of a log who are told at once; the others are told by the next change. */
const MAX_TOLD = 16;

/** Places of a timeline in which items are looked for that a statement is about: it comes right behind them. */
const LOOKED_AT = 32;

/** An item of a timeline that tells of its group. */
interface Recent {
  readonly sequence: number;
  readonly change: ShownChange;
}

/** What statements work with. */
export interface StatementParts {
  readonly store: SealedStore;
  readonly account: Pick<OwnAccount, "id">;
  readonly shown: Shown;
  readonly logs: Pick<GroupLogs, "get">;
  readonly conversations: Pick<Conversations, "group">;
  readonly author: Pick<Author, "passing">;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  /** A group is shown in another way than before. */
  changed(group: ConversationId): void;
}

/** Makes and takes them. */
export class Statements {
  constructor(private readonly parts: StatementParts) {}

  /**
   * A member said it. Of title and avatar that is shown which the log says too: nobody else decides how a group is called, and
   * who changes one may not have read yet that somebody changed the other. Of what the log said before, the latest is shown that
   * somebody said, for who changed it since may have left without a word; the rest is remembered for the items of the log. Whom
   * this account brought in may not be among those it was said to, and hears it from here, as far as the outbox takes it now: of
   * what was said to all, who came behind the entry that the member had read; of what was said to this account alone, anybody.
   * Runs under the lock of the group's conversation.
   */
  async said({ content }: Genuine, meantFor: MeantFor): Promise<Plan> {
    if (content.kind !== "groupProfile") return nothing;
    const { logs, shown, changed, conversations, outbox } = this.parts;
    const { conversation: group, sender, revision = 0 } = content;
    const thread = await conversations.group(group);
    const recent = await recentChanges(thread);
    const brought = await this.broughtInBehind(thread, meantFor === "group" ? revision : 0);
    let isNews = false;
    let stating: Plan = nothing;
    return {
      build: () => {
        const state = logs.get(group)?.state;
        if (state === undefined) return [];
        const remembered = areSame(state, content) ? [] : shown.remembering(group, sender, content);
        if (shown.isWhole(group, state)) return remembered;
        const overtaken = latestOf(recent, content, shown.of(group, state));
        const changes = shown.stating(group, sender, { ...overtaken, ...agreed(state, content) });
        isNews = changes.length > 0;
        const isHeard = logs.get(group)?.status === "joined";
        const told = isNews && isHeard ? brought.slice(0, outbox.room) : [];
        stating = this.stating(thread, { looks: shown.of(group, state), revision: state.seq }, told);
        return [...remembered, ...changes, ...stating.build()];
      },
      after: [
        () => isNews && changed(group),
        () => retell(thread, recent, content),
        () => {
          for (const work of stating.after) work();
        },
      ],
    };
  }

  /** Members whom this account brought in behind an entry of the log. */
  private async broughtInBehind(thread: GroupThread, revision: number): Promise<readonly AccountId[]> {
    const { account, logs, shown } = this.parts;
    const state = logs.get(thread.group)?.state;
    // Who shows all there is has told them when it was told.
    if (state === undefined || shown.isWhole(thread.group, state)) return [];
    const since = Math.max(revision, memberOf(state, account.id)?.joinedSeq ?? 0);
    const late = state.members.filter(({ joinedSeq }) => joinedSeq > since);
    const came = await Promise.all(late.map(({ joinedSeq }) => changeAt(this.parts, thread, joinedSeq)));
    const brought = came.flatMap((change) =>
      change?.kind === "joined" && change.by === account.id ? [change.account] : [],
    );
    // Who came last is the likeliest not to have heard it.
    return brought.slice(-MAX_TOLD);
  }

  /**
   * Whether a content says what the log says now, of a group that this account is let into: of title or avatar, for who changed
   * one may not have read yet that somebody changed the other. That there is none is no such word.
   */
  isOfLog(content: Content): boolean {
    if (content.kind !== "groupProfile") return false;
    const group = this.parts.logs.get(content.conversation);
    if (group?.status !== "joined") return false;
    return isAny(agreed(group.state, content)) || areSame(group.state, content);
  }

  /**
   * What follows from new entries of a log: what this account said in them is shown to it, and stated to others. Runs under the
   * locks of the group and of its conversation.
   */
  async after(change: GroupChanged): Promise<Plan> {
    const { account, shown, conversations } = this.parts;
    const { id: group, state, status } = change.after;
    const thread = await conversations.group(group);
    const mine = change.applied.filter(({ author }) => author === account.id).map(looksIn);
    const isChanged = change.applied.some((one) => one.isOwn === "yes" && isUpdate(one));
    const effects = change.applied.flatMap(({ summary }) => summary);
    const gone = effects.flatMap((effect) => (isFollowed(effect, state, account.id) ? [effect.account] : []));
    const left = gone.length > 0 ? await this.broughtInBy(thread, state, { gone, effects }) : [];
    const newcomers = effects
      .flatMap((effect) => (effect.kind === "joined" && effect.by === account.id ? [effect.account] : []))
      .concat(left)
      .filter((one) => one !== account.id && memberOf(state, one) !== undefined);
    let stating: Plan = nothing;
    return {
      build: () => {
        const changes: StoreChange[] = mine.flatMap((looks) => shown.stating(group, account.id, looks));
        changes.push(...shown.meeting(group, state));
        // Nobody vouches for what somebody else put into the log and did not say: what is shown here was said.
        const looks = shown.of(group, state);
        // That there is none is news to who may know a former one.
        const isBare = areSame(state, looks) && shown.wasNamed(group);
        const isNamed = isAny(agreed(state, looks)) || isBare;
        const isHeard = status === "joined";
        const others = isHeard && isChanged && state.members.length > 1 ? [undefined] : [];
        const told = isHeard && isNamed && !isChanged ? newcomers.slice(0, MAX_TOLD) : [];
        stating = this.stating(thread, { looks, revision: state.seq }, [...others, ...told]);
        return [...changes, ...stating.build()];
      },
      after: [
        () => {
          for (const work of stating.after) work();
        },
      ],
    };
  }

  /** Of those who came last, whom members brought in that are gone now. */
  private async broughtInBy(
    thread: GroupThread,
    { members }: GroupState,
    { gone, effects }: { readonly gone: readonly AccountId[]; readonly effects: readonly GroupEffect[] },
  ): Promise<readonly AccountId[]> {
    // What came with the same entries has no items yet.
    const now = new Map(effects.flatMap((effect) => (effect.kind === "joined" ? [[effect.account, effect.by]] : [])));
    const last = members.slice(-MAX_TOLD);
    const by = await Promise.all(
      last.map(async ({ account, joinedSeq }) => {
        const change = now.has(account) ? undefined : await changeAt(this.parts, thread, joinedSeq);
        return now.get(account) ?? (change?.kind === "joined" ? change.by : undefined);
      }),
    );
    return last.flatMap(({ account }, index) => (gone.some((one) => one === by[index]) ? [account] : []));
  }

  /** Says it to the whole group, or to a member. */
  private stating(
    thread: GroupThread,
    { looks: { title, avatar }, revision }: { readonly looks: Looks; readonly revision: number },
    whom: readonly (AccountId | undefined)[],
  ): Plan {
    const { author, outbox } = this.parts;
    const { group } = thread;
    const counted: StoreChange[] = [];
    const queue = ordering(() =>
      whom.map((recipient) => {
        const { encoded: body, change } = author.passing(thread, { kind: "groupProfile", title, avatar }, { revision });
        counted.push(change);
        return outbox.queue({ recipient, group, type: "content", body, conversation: group });
      }),
    );
    return { build: () => [...queue.build(), ...counted], after: queue.after };
  }
}

/** Whether somebody is gone whose newcomers are now this account's to tell. */
function isFollowed(
  effect: GroupEffect,
  { members }: GroupState,
  account: AccountId,
): effect is Extract<GroupEffect, { readonly kind: "removed" | "left" }> {
  if (effect.kind === "removed") return effect.by === account;
  return effect.kind === "left" && members.find(({ role }) => role === "owner")?.account === account;
}

/** What an entry says of how the group is called and looks. */
function looksIn({ entry }: AppliedChange): Partial<Looks> {
  const { change } = decodeGroupEntry(entry);
  if (change.kind === "create") return { title: change.title ?? "", avatar: change.avatar ?? new Uint8Array(0) };
  if (change.kind !== "update") return {};
  const { title, avatar } = change;
  return { ...(title !== undefined && { title }), ...(avatar !== undefined && { avatar }) };
}

/** What the latest items of a timeline say of its group, oldest first. */
async function recentChanges({ timeline }: GroupThread): Promise<readonly Recent[]> {
  const items = await timeline.newest(LOOKED_AT);
  return items.flatMap(({ sequence, row }) =>
    row.shape === "group" ? [{ sequence, change: readGroupItem(row.content) }] : [],
  );
}

/** Items of the log that show now what they left out before: apps look at them again. */
function retell(thread: GroupThread, recent: readonly Recent[], { title, avatar }: Looks): void {
  for (const { sequence, change } of recent) {
    if (change.kind !== "settings") continue;
    const { changed } = change;
    const isOfIt = changed.title === title || (changed.avatar !== undefined && equalBytes(changed.avatar, avatar));
    if (isOfIt) thread.tell({ type: "changed", detail: { cursor: cursorOf(sequence) } });
  }
}

/** What of it the log said behind what is shown now. */
function latestOf(recent: readonly Recent[], { title, avatar }: Looks, shown: Looks): Partial<Looks> {
  const said = recent.flatMap(({ change }) => (change.kind === "settings" ? [change.changed] : []));
  const titled = (one: string) => said.map((changed) => changed.title).lastIndexOf(one);
  const pictured = (one: Uint8Array) => said.map(({ avatar: other }) => other && toHex(other)).lastIndexOf(toHex(one));
  return {
    ...(titled(title) > titled(shown.title) && { title }),
    ...(pictured(avatar) > pictured(shown.avatar) && { avatar }),
  };
}

/** What of it the log says. */
function agreed(state: Looks, { title, avatar }: Looks): Partial<Looks> {
  return { ...(title === state.title && { title }), ...(equalBytes(avatar, state.avatar) && { avatar }) };
}

/** Whether there is a title or an avatar. */
function isAny({ title = "", avatar }: Partial<Looks>): boolean {
  return title !== "" || (avatar !== undefined && avatar.length > 0);
}

function isUpdate(change: AppliedChange): boolean {
  return Object.keys(looksIn(change)).length > 0;
}
