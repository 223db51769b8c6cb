/** What a device holds once it heard of further words on registers. Pure, and the same whatever came first. */

import { compareRegisters, FORGET_EMPTIED_MS, type Register } from "@sotto/protocol";

/** What holds for the registers of one kind, and one conversation if they are about one. */
export interface MergeRules {
  /** How many are kept, by `registerTable`. */
  readonly kept: number;
  /** The relay's clock. */
  readonly nowMs: number;
}

/**
 * The latest word on each register, by its key. Words that were emptied long ago are left out, and of too many the earliest.
 *
 * As the words on a register only ever become later, what is among the latest `kept` of all words at the end was among them
 * all the time: nothing that counts is lost on the way, in whatever order and how often the words come.
 */
export function merged(
  before: readonly Register[],
  heard: readonly Register[],
  { kept, nowMs }: MergeRules,
): ReadonlyMap<string, Register> {
  const latest = new Map(before.map((register) => [register.key, register]));
  for (const word of heard) {
    const held = latest.get(word.key);
    if (held === undefined || compareRegisters(word, held) > 0) latest.set(word.key, word);
  }
  const counting = [...latest.values()].filter((register) => !isForgotten(register, nowMs));
  if (counting.length > kept) counting.sort(latestFirst).splice(kept);
  return new Map(counting.map((register) => [register.key, register]));
}

/** Whether a register was emptied so long ago that nobody needs to know. */
export function isForgotten({ value, atMs }: Register, nowMs: number): boolean {
  return value === undefined && atMs < nowMs - FORGET_EMPTIED_MS;
}

function latestFirst(one: Register, other: Register): number {
  return compareRegisters(other, one) || (one.key < other.key ? 1 : -1);
}
