/**
 * A content that may be shown: of another account only what passed `checkFrank`, else what this account said itself. Conversations
 * take nothing else, and nothing else makes one of these.
 */

import { type Checked, type Content, checkFrank, type Evidence, type FrankCheck } from "@sotto/protocol";

/** A content with the canonical bytes it was decoded from. */
export interface Wording {
  readonly content: Content;
  readonly encoded: Uint8Array;
}

/** Whether a kind is shown without a frank: nothing of these is anybody's words. */
export function isUnfranked(kind: Content["kind"]): boolean {
  return kind === "receipt" || kind === "typing";
}

/** What came of looking at a content of somebody else. */
export type Judged = Genuine | Extract<Checked, { readonly kind: "refused" }>;

/** A content whose words may be shown. There is no other way to one than the five below. */
export class Genuine {
  /** What tells one of these from anything that looks like one. */
  readonly #isGenuine = true;
  readonly kind = "genuine";
  readonly content: Content;
  readonly encoded: Uint8Array;
  /** What it can be reported with; none of what bears no frank, and of what own devices told without. */
  readonly evidence: Evidence | undefined;

  private constructor({ content, encoded }: Wording, evidence?: Evidence) {
    this.content = content;
    this.encoded = encoded;
    this.evidence = evidence;
  }

  /** What another account said, once its frank was checked. The committed form is the caller's to make from `encoded`. */
  static checked(wording: Wording, check: FrankCheck): Judged {
    const checked = checkFrank(check);
    return checked.kind === "refused" ? checked : new Genuine(wording, checked.evidence);
  }

  /** A receipt, or that somebody types. @throws if it is anything else. */
  static unfranked(wording: Wording): Genuine {
    if (!isUnfranked(wording.content.kind)) throw new Error("only receipts and typing go without a frank");
    return new Genuine(wording);
  }

  /** What this device says. */
  static saidHere(wording: Wording): Genuine {
    return new Genuine(wording);
  }

  /** What another device of this account said. */
  static saidByOwnDevice(wording: Wording, evidence?: Evidence): Genuine {
    return new Genuine(wording, evidence);
  }

  /** What another device of this account was shown, or said. */
  static fromOwnHistory(wording: Wording, evidence?: Evidence): Genuine {
    return new Genuine(wording, evidence);
  }

  /** Whether it is one, and nothing that only looks like it. */
  static is(value: unknown): value is Genuine {
    return typeof value === "object" && value !== null && #isGenuine in value;
  }
}
