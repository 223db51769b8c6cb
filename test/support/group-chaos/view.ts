/** What one person's client shows of the group, by the public API alone and in a form that can be compared. */

import type { AccountId, MessageId } from "@sotto/protocol";
import type { Group, Item } from "@sotto/sdk";
import type { Person } from "./events.js";

/** A text as somebody sees it. */
export interface Shown {
  readonly id: MessageId;
  readonly text: string;
  readonly from: AccountId;
  /** Its place in the conversation. */
  readonly order: string;
}

/** Something that happened to the group, as a timeline tells it. */
export interface ShownEntry {
  /** The number of the entry in the log, and when the relay accepted it. */
  readonly seq: number;
  readonly acceptedMs: number;
  readonly from: AccountId;
  readonly change: Extract<Item, { kind: "group" }>["change"];
  readonly order: string;
}

/** All that one person sees. */
export interface View {
  readonly person: Person;
  readonly account: AccountId;
  /** `none`: no group of this account. */
  readonly standing: Group["standing"] | "none";
  readonly title: string | undefined;
  /** Members with roles in their order, who waits, who is invited, and every other setting; `undefined` where standing is `none`. */
  readonly state: string | undefined;
  /** In the order in which the client lists them. */
  readonly texts: readonly Shown[];
  readonly entries: readonly ShownEntry[];
  /** Own texts that are on their way, and those that failed. */
  readonly pending: readonly MessageId[];
  readonly failed: readonly MessageId[];
  /** Reasons of what did not open. */
  readonly closed: readonly string[];
}

/** Items looked at at once. */
const PAGE = 1_000;
/** Digits and letters of an order's numbers. */
const RADIX = 36;

/** What somebody sees who has nothing to do with the group. */
export function emptyView(person: Person, account: AccountId): View {
  const nothing = { texts: [], entries: [], pending: [], failed: [], closed: [] };
  return { person, account, standing: "none", title: undefined, state: undefined, ...nothing };
}

/** What somebody sees. */
export async function viewOf(person: Person, account: AccountId, group: Group): Promise<View> {
  const texts: Shown[] = [];
  const entries: ShownEntry[] = [];
  const [pending, failed]: [MessageId[], MessageId[]] = [[], []];
  const closed: string[] = [];
  for (const item of await everything(group)) {
    const { order, from } = item;
    if (item.kind === "undecryptable") closed.push(`${item.reason} at ${order}`);
    if (item.kind === "group") entries.push({ ...placeOf(order), order, from, change: item.change });
    if (item.kind !== "text") continue;
    const { messageId: id, text, status } = item;
    if (status === "pending") pending.push(id);
    else if (status === "failed") failed.push(id);
    else texts.push({ id, text, from, order });
  }
  return {
    ...{ person, account, standing: group.standing, title: group.settings.title, state: await stateOf(group) },
    ...{ texts, entries, pending, failed, closed },
  };
}

/** When the relay accepted something, and the number it had, read from its place. */
function placeOf(order: string): { readonly acceptedMs: number; readonly seq: number } {
  const [acceptedMs = "", seq = ""] = order.split(".");
  return { acceptedMs: Number.parseInt(acceptedMs, RADIX), seq: Number.parseInt(seq, RADIX) };
}

/** Names of people are each client's own knowledge; all else has to be alike, to the byte. */
async function stateOf(group: Group): Promise<string> {
  const members = await group.members();
  const { title: _title, avatar, ...settings } = group.settings;
  return JSON.stringify({
    members: members.map(({ accountId, standing, role }) => [accountId, standing, role]),
    settings: Object.entries(settings).sort(),
    avatar: avatar === undefined ? undefined : [...avatar],
  });
}

async function everything(group: Group): Promise<readonly Item[]> {
  let items: readonly Item[] = await group.latest(PAGE);
  for (let page = items; page[0] !== undefined; ) {
    page = await group.latest(PAGE, { before: page[0].order });
    items = [...page, ...items];
  }
  return items;
}
