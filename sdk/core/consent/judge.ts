/**
 * What may come from another account, decided before anything of it is kept: the receiving side's own word on consent, so
 * that a modified sender, or a relay that lets everything through, gains nothing.
 */

import { type Content, type FirstContactPolicy, ownPayloadTypes, type Payload, type Relation } from "@sotto/protocol";

/** Why something is not kept. `pending`: its sender had its one text, and waits for an answer. */
export type Refused = "blocked" | "declined" | "policy" | "pending" | "notText" | "notAsked" | "notOwn";

/** What came, and from whom. Never for devices of this account: they need no consent. */
export interface Asking {
  /** How this account stands to the sender. */
  readonly relation: Relation;
  /** Who may make first contact, as this account decided. */
  readonly policy: FirstContactPolicy;
  readonly payload: Payload;
  /** The decoded content, if the payload carries one. */
  readonly content?: Content | undefined;
  /** Whether the sender's one text is here; `awaited` for a request of which only the fact is known. */
  readonly words?: "here" | "awaited" | undefined;
}

/**
 * What becomes of it. `take`: as from a contact, with the relation it leaves. `request`: a content is kept as the sender's
 * one text, nothing else of it is (no name, no receipt owed). `drop`: nothing is kept; the ratchet moves on.
 */
export type Verdict =
  | { readonly kind: "take"; readonly relation: Relation }
  | { readonly kind: "request"; readonly relation: "received" }
  | { readonly kind: "drop"; readonly why: Refused };

/**
 * Judges what came from another account. Pure.
 *
 *   none ──one text or word──▶ received (a request)      sent ──anything said──▶ accepted
 *
 * Sealed mail of a stranger who got hold of the delivery key is judged like any other stranger's.
 */
export function judge({ relation, policy, payload, content, words = "here" }: Asking): Verdict {
  if (ownPayloadTypes.has(payload.type)) return drop("notOwn");
  switch (relation) {
    case "accepted":
      return { kind: "take", relation };
    case "sent":
      return { kind: "take", relation: speaks(payload) ? "accepted" : "sent" };
    case "none":
      if (policy === "contacts" || policy === "nobody") return drop("policy");
      return firstWord(payload, content);
    case "received":
      // The fact came before the text: from another device of this account, or the text did not open.
      if (words === "awaited" && payload.type === "content") return firstWord(payload, content);
      return drop("pending");
    case "declined":
    case "blocked":
      return drop(relation);
    default:
      return relation satisfies never;
  }
}

/** A stranger may say one text, or ask without words; a picture, a name, a receipt or a repair is more than that. */
function firstWord(payload: Payload, content: Content | undefined): Verdict {
  // Whoever invites to a group asks for contact, and gets an answer to each by itself.
  const asks = payload.type === "contact" || payload.type === "invitation";
  if (asks) return { kind: "request", relation: "received" };
  if (payload.type !== "content") return drop("notAsked");
  return content?.kind === "text" ? { kind: "request", relation: "received" } : drop("notText");
}

/** Whether it answers a request: who only repairs what did not open has not decided anything. */
function speaks({ type }: Payload): boolean {
  return type === "content" || type === "contact";
}

function drop(why: Refused): Verdict {
  return { kind: "drop", why };
}
