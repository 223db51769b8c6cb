/** What two devices of one account know of a contact, made one. The same from both sides, in any order. */

import { type ContactState, equalBytes } from "@sotto/protocol";
import { merged } from "../consent/relations.js";
import type { Row } from "../rows.js";

/**
 * A contact's row with what another device knows; the same object if that adds nothing.
 *
 * An identity key is taken only where none is known: a changed one comes from the contact itself, and is shown as a change.
 * Its verification counts only for the key that is known here.
 */
export function mergedContact(row: Row<"peer">, theirs: ContactState): Row<"peer"> {
  const standing = merged(row, { relation: theirs.relation, relationVersion: theirs.version });
  const isNewer = standing.relation !== row.relation || standing.relationVersion !== row.relationVersion;
  const isKeyNew = row.identityKey === undefined && theirs.identityKey !== undefined;
  const isKeySame =
    row.identityKey !== undefined &&
    theirs.identityKey !== undefined &&
    equalBytes(row.identityKey, theirs.identityKey);
  const verification = isKeyNew
    ? theirs.verification
    : isKeySame && weight(theirs.verification) > weight(row.verification)
      ? theirs.verification
      : row.verification;
  // A key to write with is taken for the identity it was given by.
  const isProfileKeyNew =
    theirs.profileKey !== undefined && (row.profileKey === undefined || isNewer) && (isKeyNew || isKeySame);
  const after: Row<"peer"> = {
    ...row,
    relation: standing.relation,
    relationVersion: standing.relationVersion,
    userId: row.userId ?? theirs.userId,
    identityKey: row.identityKey ?? theirs.identityKey?.slice(),
    verification,
    profileKey: isProfileKeyNew ? theirs.profileKey?.slice() : row.profileKey,
    name: row.name === undefined || isNewer ? (theirs.name ?? row.name) : row.name,
  };
  return isSame(row, after) ? row : after;
}

/** What the user did to a key counts more than what was seen of it. */
function weight(verification: Row<"peer">["verification"]): number {
  return ["unverified", "changed", "verified"].indexOf(verification);
}

function isSame(one: Row<"peer">, other: Row<"peer">): boolean {
  return (
    one.relation === other.relation &&
    one.relationVersion === other.relationVersion &&
    one.userId === other.userId &&
    one.verification === other.verification &&
    one.name === other.name &&
    isSameKey(one.identityKey, other.identityKey) &&
    isSameKey(one.profileKey, other.profileKey)
  );
}

function isSameKey(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && equalBytes(one, other));
}
