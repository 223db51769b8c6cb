/**
 * Format 5: what is shown can be reported. Groups remember who was a member when, mail of groups that is held keeps what its
 * frank is checked by, and what is told to own devices carries evidence. Every row says for itself whether it is still of
 * format 4, so a crash at any point leaves a store that the next opening goes on with; the header comes last.
 *
 * Mail that was held has no frank, and is asked for again. What says something in a form that nobody takes any more is let go
 * of: invitations, parts of histories and words on groups that wait to be sent. How a group is called and looks is shown again
 * once somebody states it.
 */

import { encodeRow, keys, type Row } from "../../rows.js";
import type { SealedStore } from "../sealed-store.js";
import { tryRowOf4 } from "./format-4.js";
import { rewrite } from "./rewrite.js";

/** Bodies of these have another form now. */
const OTHER_FORM: ReadonlySet<Row<"outbox">["type"]> = new Set(["invitation", "groups", "archive"]);

/** Rewrites every row that changed. The store is open and used by nobody else. */
export async function migrateFrom4To5(store: SealedStore): Promise<void> {
  await rewrite(store, keys.outboxAll, (value) => spoken("outbox", value));
  await rewrite(store, keys.sentAll, (value) => spoken("sent", value));
  await rewrite(store, keys.groups, groupRow);
  await rewrite(store, keys.invitations, invitationRow);
  await rewrite(store, keys.heldAll, heldRow);
  await store.commit([]);
}

function spoken(name: "outbox" | "sent", value: Uint8Array) {
  const old = tryRowOf4(name, value);
  if (old === undefined) return undefined;
  return OTHER_FORM.has(old.type) ? [] : encodeRow(name, old as Row<typeof name>);
}

function groupRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryRowOf4("group", value);
  return old === undefined ? undefined : encodeRow("group", old);
}

/** It waits on, and says nothing that could be reported: not how the group is called. */
function invitationRow(value: Uint8Array): Uint8Array | undefined {
  const old = tryRowOf4("invitation", value);
  return old === undefined ? undefined : encodeRow("invitation", { ...old, title: "" });
}

function heldRow(value: Uint8Array) {
  const old = tryRowOf4("held", value);
  if (old === undefined) return undefined;
  const { sender, device, group: conversation, cameMs: acceptedMs, envelope } = old;
  const waits = { sender, device, conversation, sinceMs: acceptedMs, acceptedMs };
  return [{ key: keys.undecryptable(envelope), value: encodeRow("undecryptable", waits) }];
}
