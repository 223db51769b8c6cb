/** What the log of a group does to its timeline: items for what happened, and nothing left of what nobody might say. */

import { type MessageId, parseMessageId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { AppliedChange, GroupChanged } from "../groups/log/group-logs.js";
import type { Plan } from "../inbox/plan.js";
import type { Clock, StoreChange } from "../ports.js";
import { encodeRow, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Conversations, GroupThread } from "./conversations.js";
import { findNamed } from "./find.js";
import { encodeGroupItem, isShownChange, readGroupItem, type ShownChange } from "./group-change.js";
import { changed, type Telling } from "./incoming.js";
import { contentHash } from "./stored-content.js";
import { type Farewell, withdrawn } from "./withdrawn.js";

/** An entry of a group's log that counted, as far as timelines ask. */
export type EntryOfLog = Pick<AppliedChange, "seq" | "acceptedMs" | "author" | "summary">;

/** New entries of one group's log. */
export interface NewsOfLog {
  readonly after: Pick<GroupChanged["after"], "id">;
  readonly applied: readonly EntryOfLog[];
}

/** What group items work with. */
export interface GroupItemParts {
  readonly store: SealedStore;
  readonly conversations: Pick<Conversations, "group">;
  readonly clock: Clock;
}

/** An item on its way into the timeline. */
interface NewItem {
  readonly row: Row<"item">;
  readonly name: MessageId;
}

/**
 * Plans what new entries of a group's log do to its timeline. The caller holds the locks of the group and of its conversation,
 * and commits the plan with the log's progress.
 *
 * An item stands at its entry's time of acceptance and number, so alike on all devices, and an entry that is read again brings
 * none. Of who was removed, or left, what the relay accepted afterwards is taken back, as far as its author had not read that
 * entry: on members who had, it never was there.
 */
export async function groupItems(
  { store, conversations, clock }: GroupItemParts,
  { after, applied }: NewsOfLog,
): Promise<Plan> {
  const thread = await conversations.group(after.id);
  const { timeline } = thread;
  const items: NewItem[] = [];
  for (const entry of applied) {
    for (const [index, effect] of entry.summary.entries()) {
      if (!isShownChange(effect)) continue;
      const name = nameOf(entry.seq, index);
      const isHere = (await store.get(timeline.indexKey(entry.author, name))) !== undefined;
      if (!isHere) items.push({ name, row: rowOf(entry, name, { change: effect, atMs: clock.now() }) });
    }
  }
  const taken = await withdrawn(store, thread, applied.flatMap(farewells));
  const tellings: Telling[] = taken.places.map(changed);
  let last = 0;
  return {
    build: () => {
      const moved = taken.changes();
      const added = items.flatMap((item) => {
        const { sequence, changes } = append(thread, item);
        last = sequence;
        return changes;
      });
      return [...moved, ...added];
    },
    after: [
      () => {
        timeline.announce(last);
        for (const telling of tellings) thread.tell(telling);
      },
    ],
  };
}

/** What an entry of a group's log did before all else, as its item tells it; `undefined` where there is none. */
export async function changeAt(
  { store, account }: { readonly store: SealedStore; readonly account: Pick<OwnAccount, "id"> },
  { timeline }: GroupThread,
  seq: number,
): Promise<ShownChange | undefined> {
  const [found] = await findNamed(store, timeline, nameOf(seq, 0), account.id);
  return found?.row?.shape === "group" ? readGroupItem(found.row.content) : undefined;
}

function append({ timeline }: GroupThread, { row, name }: NewItem) {
  const { sequence, changes } = timeline.append(row);
  const index = encodeRow("messageIndex", { sequence, hash: contentHash(row.content) });
  const found: StoreChange = { key: timeline.indexKey(row.from, name), value: index };
  return { sequence, changes: [...changes, found] };
}

function rowOf(
  { seq, acceptedMs, author: from }: EntryOfLog,
  messageId: MessageId,
  { change, atMs }: { readonly change: ShownChange; readonly atMs: number },
): Row<"item"> {
  const content = encodeGroupItem(change);
  return {
    shape: "group",
    ...{ from, atMs, acceptedMs, messageId, counter: seq, content },
    status: "received",
    reactions: [],
  };
}

/** No message has such a name: its second half would have to bind it to its author. */
function nameOf(seq: number, index: number): MessageId {
  const hex = (value: number) => value.toString(16).padStart(8, "0");
  return parseMessageId(`${hex(seq)}${hex(index)}`.padEnd(32, "0"));
}

function farewells({ seq, acceptedMs, summary }: EntryOfLog): readonly Farewell[] {
  return summary.flatMap((effect) =>
    effect.kind === "removed" || effect.kind === "left" ? [{ account: effect.account, seq, acceptedMs }] : [],
  );
}
