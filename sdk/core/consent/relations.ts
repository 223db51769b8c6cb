/** How two accounts stand to each other, as versions that devices of one account merge without asking each other. */

import { type Relation, relations } from "@sotto/protocol";

/** A relation and the number of decisions that led to it. */
export interface Standing {
  readonly relation: Relation;
  readonly relationVersion: number;
}

/** Nobody asked anybody anything. */
export const stranger: Standing = { relation: "none", relationVersion: 0 };

/** A standing after a decision of the user: it counts more than everything before it, on every device. */
export function decided({ relationVersion }: Standing, relation: Relation): Standing {
  return { relation, relationVersion: relationVersion + 1 };
}

/** A standing after something happened by itself: it only ever moves on within one decision. */
export function happened(standing: Standing, relation: Relation): Standing {
  return rank(relation) > rank(standing.relation) ? { ...standing, relation } : standing;
}

/** Of two devices' standings the one that counts: the later decision, then what happened further. The same from both sides. */
export function merged(one: Standing, other: Standing): Standing {
  if (one.relationVersion !== other.relationVersion) return one.relationVersion > other.relationVersion ? one : other;
  return rank(one.relation) >= rank(other.relation) ? one : other;
}

/** Whether somebody in this relation was handed this account's profile key. */
export function holdsProfileKey(relation: Relation): boolean {
  return relation === "sent" || relation === "accepted";
}

/** Whether a conversation is one the user takes part in: requests, declined and blocked ones are not. */
export function isShown(relation: Relation): boolean {
  return relation === "none" || relation === "sent" || relation === "accepted";
}

function rank(relation: Relation): number {
  return relations.indexOf(relation);
}
