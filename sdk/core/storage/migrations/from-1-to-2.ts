/**
 * Format 2: several devices, consent, and the order of acceptance. Every row says for itself whether it is still of format
 * 1, so a crash at any point leaves a store that the next opening goes on with; the header comes last. Rows that changed
 * since take their present shape at once.
 */

import type { AccountId, Relation } from "@sotto/protocol";
import { orderRow, placementOf } from "../../conversations/placement.js";
import { readStored } from "../../conversations/stored-content.js";
import type { StoreChange } from "../../ports.js";
import { decodeRow, eachRow, encodeRow, keys, orderOf, type Row, range } from "../../rows.js";
import type { SealedStore } from "../sealed-store.js";
import { type OldRow, tryOldRow } from "./format-1.js";
import { MIGRATION_PAGE, rewrite } from "./rewrite.js";

/** Who said something in a conversation, which is all that format 1 knows of consent. */
interface Said {
  readonly byPeer: boolean;
  /** Something of mine that the relay accepted. */
  readonly byMe: boolean;
}

/** Rewrites every row that changed. The store is open and used by nobody else. */
export async function migrateFrom1To2(store: SealedStore): Promise<void> {
  const spoken = new Map<AccountId, Said>();
  for await (const { key, value } of eachRow(store, keys.conversations)) {
    const { conversation, peer } = tryOldRow("conversation", value) ?? decodeRow("conversation", value);
    // Groups came later: a conversation of this format has a peer.
    if (peer === undefined) continue;
    const { said, lastSentMs } = await migrateTimeline(store, conversation, peer);
    spoken.set(peer, said);
    const old = tryOldRow("conversation", value);
    if (old !== undefined) await store.commit([{ key, value: encodeRow("conversation", { ...old, lastSentMs }) }]);
  }
  for (const prefix of [keys.peers, "user/"]) {
    await rewrite(store, prefix, (value) => peerRow(value, spoken));
  }
  await rewrite(store, keys.outboxAll, outboxRow);
  await rewrite(store, keys.sentAll, sentRow);
  await rewrite(store, keys.undecryptables, (value) => undecryptableRow(store, value));
  for (const [key, row] of [
    [keys.account, accountRow],
    [keys.inbox, inboxRow],
  ] as const) {
    const stored = await store.get(key);
    const value = stored === undefined ? undefined : row(stored);
    if (value !== undefined) await store.commit([{ key, value }]);
  }
}

/**
 * Items and their positions. One device knew the account, so the order in which it showed them is the order there was:
 * times of acceptance, which format 1 did not keep, follow it.
 */
async function migrateTimeline(
  store: SealedStore,
  conversation: string,
  peer: AccountId,
): Promise<{ readonly said: Said; readonly lastSentMs: number }> {
  let spanned = range(keys.timeline(store, conversation), MIGRATION_PAGE);
  let lastMs = 0;
  let lastSentMs = 0;
  let said: Said = { byPeer: false, byMe: false };
  for (;;) {
    const page = await store.list(spanned);
    const changed = new Map<string, StoreChange>();
    for (const { key, value } of page) {
      const old = tryOldRow("item", value);
      const row = old === undefined ? decodeRow("item", value) : itemRow(old, lastMs);
      lastMs = Math.max(lastMs, row.acceptedMs ?? 0);
      if (row.from !== peer) lastSentMs = Math.max(lastSentMs, row.atMs);
      said = heard(said, row, peer);
      if (old === undefined) continue;
      const sequence = orderOf(key);
      changed.set(key, { key, value: encodeRow("item", row) });
      const placement = placementOf(row, sequence);
      if (placement === undefined) continue;
      const order = orderRow(store, conversation, placement, sequence);
      changed.set(order.key, order);
    }
    for (const { key } of page) await nameDeleted(store, conversation, changed.get(key), changed);
    if (changed.size > 0) await store.commit([...changed.values()]);
    const last = page.at(-1);
    if (last === undefined || page.length < MIGRATION_PAGE) return { said, lastSentMs };
    spanned = { ...spanned, after: last.key };
  }
}

function itemRow(old: OldRow<"item">, lastMs: number): Row<"item"> {
  const isOnItsWay = old.status === "pending" || old.status === "failed";
  const hasPosition = old.shape !== "hidden" && !isOnItsWay;
  return {
    ...old,
    acceptedMs: hasPosition ? Math.max(old.atMs, lastMs + 1) : undefined,
    messageId: undefined,
    counter: undefined,
    // When they were said was not kept, so that any later word counts more.
    reactions: old.reactions.map(({ from, emoji }) => {
      return { from, emoji, action: "add", sentAtMs: 0, device: 0, counter: 0 };
    }),
  };
}

/** A message that was deleted had lost its name; the deletion, which is an item of its own, knows it. */
async function nameDeleted(
  store: SealedStore,
  conversation: string,
  change: StoreChange | undefined,
  changed: Map<string, StoreChange>,
): Promise<void> {
  if (change?.value === undefined) return;
  const { shape, content, from } = decodeRow("item", change.value);
  const deletion = shape === "content" && content.length > 0 ? readStored(content) : undefined;
  if (deletion?.kind !== "delete") return;
  const index = await store.get(keys.message(store, conversation, from, deletion.target));
  if (index === undefined) return;
  const key = keys.item(store, conversation, decodeRow("messageIndex", index).sequence);
  const stored = changed.get(key)?.value ?? (await store.get(key));
  const target = stored === undefined ? undefined : decodeRow("item", stored);
  if (target?.deletedMs === undefined || target.messageId !== undefined) return;
  const sequence = orderOf(key);
  const named = { ...target, messageId: deletion.target, counter: 0 };
  // Its position is spelled with its name.
  const before = placementOf(target, sequence);
  const after = placementOf(named, sequence);
  if (before !== undefined) {
    const left = orderRow(store, conversation, before, sequence).key;
    changed.set(left, { key: left, value: undefined });
  }
  if (after !== undefined) {
    const entered = orderRow(store, conversation, after, sequence);
    changed.set(entered.key, entered);
  }
  changed.set(key, { key, value: encodeRow("item", named) });
}

function heard(said: Said, { shape, from, status }: Row<"item">, peer: AccountId): Said {
  if (shape === "keychange" || shape === "hidden") return said;
  if (from === peer) return { ...said, byPeer: true };
  return status === "pending" || status === "failed" ? said : { ...said, byMe: true };
}

/**
 * Format 1 asked nobody for consent. Who wrote to this account, or answered it so much as with a receipt (the profile key
 * says so), was shown to the user all the time and stays a contact. Who never answered was sent a request, as we would say
 * now: more can be said once they answer. To all others nothing was said that arrived.
 */
function relationOf({ profileKey }: OldRow<"peer">, said: Said | undefined): Relation {
  if (profileKey !== undefined || said?.byPeer === true) return "accepted";
  return said?.byMe === true ? "sent" : "none";
}

function peerRow(value: Uint8Array, spoken: ReadonlyMap<AccountId, Said>): Uint8Array | undefined {
  const old = tryOldRow("peer", value);
  if (old === undefined) return undefined;
  const relation = relationOf(old, spoken.get(old.account));
  return encodeRow("peer", { ...old, claimedUserId: undefined, relation, relationVersion: 0, formerIdentities: [] });
}

function outboxRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryOldRow("outbox", value);
  if (old === undefined) return undefined;
  const { content, type, envelopes, ...kept } = old;
  if (type !== "resend") return encodeRow("outbox", { ...kept, type, envelopes, body: content });
  const [resendOf = old.envelope] = envelopes;
  const again = content.length === 0 ? "nothing" : "content";
  return encodeRow("outbox", { ...kept, type: again, resendOf, envelopes: [], body: content });
}

/** Of a word between SDKs only that there was one was kept; which, nobody asks. */
function sentRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryOldRow("sent", value);
  if (old === undefined) return undefined;
  const { content: body, ...kept } = old;
  return encodeRow("sent", { ...kept, type: body.length === 0 ? "nothing" : "content", body, acceptedMs: old.sentMs });
}

/** What resolves it takes its position, so both have the same time. */
async function undecryptableRow(store: SealedStore, value: Uint8Array): Promise<Uint8Array | undefined> {
  const old = tryOldRow("undecryptable", value);
  if (old === undefined) return undefined;
  const stored = await store.get(keys.item(store, old.conversation, old.sequence));
  const acceptedMs = stored === undefined ? undefined : decodeRow("item", stored).acceptedMs;
  return encodeRow("undecryptable", { ...old, acceptedMs: acceptedMs ?? old.sinceMs });
}

function accountRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryOldRow("account", value);
  if (old === undefined) return undefined;
  return encodeRow("account", {
    ...old,
    mode: "first",
    ...{ profileKeyVersion: 0, nameVersion: 0, policy: "everyone", policyVersion: 0 },
  });
}

/** By the relay's clock nothing is known; 0 says so. */
function inboxRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryOldRow("inbox", value);
  return old === undefined ? undefined : encodeRow("inbox", { cursor: old.cursor, acceptedMs: 0 });
}
