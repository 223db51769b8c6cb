/** What entries of a group's log did, as timelines show it, and its stored bytes. */

import {
  decodeRecord,
  encodeRecord,
  field,
  type GroupEntryBody,
  groupEntryKinds,
  groupRoles,
  SottoError,
} from "@sotto/protocol";
import type { GroupEffect } from "../groups/state/effects.js";

/** What an app shows of a group's log. Keys and checkpoints are the SDK's own affair. */
export type ShownChange = Exclude<GroupEffect, { readonly kind: "keys" | "epoch" | "checkpoint" }>;

const { accountId, choice, optional, record } = field;
const settings: field.Field<GroupEntryBody<"update">> = groupEntryKinds.update.body;

/** New kinds go to the end: their numbers lie in stores. */
const kinds = [
  "created",
  "invited",
  "waiting",
  "joined",
  "invitationEnded",
  "left",
  "removed",
  "role",
  "succession",
  "settings",
  "ended",
] as const satisfies readonly ShownChange["kind"][];

const stored = record({
  kind: choice(...kinds),
  account: optional(accountId),
  by: optional(accountId),
  how: optional(choice("declined", "withdrawn", "takenBack", "refused")),
  from: optional(choice(...groupRoles)),
  to: optional(choice(...groupRoles)),
  changed: optional(settings),
});
type Stored = field.TypeOf<typeof stored>;

/** Whether an app is shown this. */
export function isShownChange(effect: GroupEffect): effect is ShownChange {
  return effect.kind !== "keys" && effect.kind !== "epoch" && effect.kind !== "checkpoint";
}

/** The bytes that a group item's row keeps. */
export function encodeGroupItem(change: ShownChange): Uint8Array {
  if (change.kind !== "succession") return encodeRecord(stored, change);
  const { after: by, ...rest } = change;
  return encodeRecord(stored, { ...rest, by });
}

/**
 * What a group item's row shows.
 *
 * @throws storeCorrupt if the bytes are none.
 */
export function readGroupItem(content: Uint8Array): ShownChange {
  try {
    return changeOf(decodeRecord(stored, content));
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: "a stored group item does not parse", cause });
  }
}

function changeOf({ kind, account, by, how, from, to, changed }: Stored): ShownChange {
  switch (kind) {
    case "created":
      return { kind, by: there(by) };
    case "invited":
    case "waiting":
    case "joined":
    case "removed":
      return { kind, account: there(account), by: there(by) };
    case "invitationEnded":
      return { kind, account: there(account), how: there(how), by: there(by) };
    case "left":
      return { kind, account: there(account) };
    case "role":
      return { kind, account: there(account), from: there(from), to: there(to), by: there(by) };
    case "succession":
      return { kind, account: there(account), from: there(from), after: there(by) };
    case "settings":
      return { kind, changed: there(changed), by: there(by) };
    case "ended":
      return { kind };
    default:
      return kind satisfies never;
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new SottoError("storeCorrupt", { detail: "a stored group item lacks a field" });
  return value;
}
