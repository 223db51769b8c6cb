/** What an upload does about each answer of the relay. Pure. */

import { SottoError } from "@sotto/protocol";
import type { TusAnswer } from "./tus.js";

/** A part on its way: the relay has the bytes before `offset`, and is being given those up to before `until`. */
export interface Underway {
  readonly offset: number;
  readonly until: number;
}

/** What comes next. */
export type Verdict =
  /** The relay has more than before: go on at `offset`. */
  | { readonly kind: "advanced"; readonly offset: number }
  /** It has exactly what it was believed to have: give it the bytes once more. */
  | { readonly kind: "repeat" }
  /** Wait, then look how far it is. */
  | { readonly kind: "lookLater"; readonly failure: SottoError }
  /** As above, because it contradicts itself. */
  | { readonly kind: "contradicted" }
  /** It does not know the upload any more. */
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly error: SottoError };

/**
 * Judges an answer to an append, or to the look that follows a failed one.
 *
 *   append ──at──▶ advanced            look ──at a later offset──▶ advanced
 *      └──later, moved──▶ look           └──at the same──▶ repeat the append
 *
 * An offset that nobody gave it the bytes for, or before one that it called durable, is a broken promise.
 */
export function judge(asked: "append" | "look", answer: TusAnswer, { offset, until }: Underway): Verdict {
  switch (answer.kind) {
    case "at":
      if (answer.offset < offset) return broken("an upload lost bytes that were durable");
      if (answer.offset > until) return broken("an upload has bytes that were not sent");
      if (answer.offset > offset) return { kind: "advanced", offset: answer.offset };
      return asked === "look" ? { kind: "repeat" } : { kind: "contradicted" };
    case "moved":
      return { kind: "contradicted" };
    case "later":
      return { kind: "lookLater", failure: answer.error };
    case "gone":
      return { kind: "gone" };
    case "created":
    case "denied":
    case "tooLarge":
      return broken(`an upload under way was answered as ${answer.kind}`);
    case "wrong":
      return broken(answer.detail);
  }
}

/** How an upload of an earlier run goes on. */
export type Resumption =
  /** From this byte of the blob on, which is in this chunk. */
  | { readonly kind: "onward"; readonly offset: number; readonly chunk: number }
  /** Not at all: with a fresh key. */
  | { readonly kind: "afresh" };

/** What was written down of an upload, in bytes and chunks of its blob. */
export interface Written {
  readonly durable: number;
  /** Sealed bytes that the mark covers, and its chunks. */
  readonly sealed: number;
  readonly sealedChunks: number;
}

/**
 * Whether an upload goes on where the relay says that it is. Not if the relay lost durable bytes, which a restored one has, or
 * has bytes beyond the mark, which a restored copy of this device shows: what was sealed there is not known here.
 */
export function resumption(offset: number, written: Written, chunkAt: (offset: number) => number): Resumption {
  if (offset < written.durable || offset > written.sealed) return { kind: "afresh" };
  return { kind: "onward", offset, chunk: Math.min(chunkAt(offset), written.sealedChunks) };
}

function broken(detail: string): Verdict {
  return { kind: "failed", error: new SottoError("badRelay", { detail }) };
}
