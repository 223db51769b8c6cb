/** Which of two words of one account counts, if its devices said both. One total order, so that every device agrees. */

/** When and where a word was said. Of one device, time and counter never go back within a conversation. */
export interface Stamp {
  /** The sender's clock. */
  readonly sentAtMs: number;
  readonly device: number;
  readonly counter: number;
}

/** Below zero if the first word was said before the second; zero only for the same word. */
export function compareWords(one: Stamp, other: Stamp): number {
  return one.sentAtMs - other.sentAtMs || one.device - other.device || one.counter - other.counter;
}
