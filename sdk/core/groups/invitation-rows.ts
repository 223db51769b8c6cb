/** Reads the rows of invitations that wait for an answer: the inbox writes them, the log ends them, and both look at them. */

import type { ConversationId } from "@sotto/protocol";
import { decodeRow, eachRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** The invitation to a group; `undefined` if there is none, or it was answered or taken back. */
export async function invitationTo(store: SealedStore, group: ConversationId): Promise<Row<"invitation"> | undefined> {
  const stored = await store.get(keys.invitation(store, group));
  return stored === undefined ? undefined : decodeRow("invitation", stored);
}

/** Every invitation, in no order. */
export async function everyInvitation(store: SealedStore): Promise<readonly Row<"invitation">[]> {
  const all: Row<"invitation">[] = [];
  for await (const { value } of eachRow(store, keys.invitations)) all.push(decodeRow("invitation", value));
  return all;
}
