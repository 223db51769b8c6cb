/** Rows in memory whose calls a test can hold back: what was read stays as it was, and is answered later. */

import type { Rows } from "../../../server/desk/ports.js";
import { memoryRows } from "./memory-rows.js";

/** A call that is held back. */
export interface HeldCall {
  /** Resolves once the call is there. */
  readonly reached: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

/** Rows, and a way to hold back the next call of a kind at keys that begin so. Reads are made at once, and answered late. */
export function heldRows() {
  const rows = memoryRows();
  const waiting: { kind: "get" | "list"; prefix: string; reach: () => void; released: Promise<void> }[] = [];

  async function answered<T>(kind: "get" | "list", key: string, answer: Promise<T>): Promise<T> {
    const at = waiting.findIndex((one) => one.kind === kind && key.startsWith(one.prefix));
    const [held] = at === -1 ? [] : waiting.splice(at, 1);
    const value = await answer;
    held?.reach();
    await held?.released;
    return value;
  }

  const holding: Rows = {
    ...rows,
    get: (key) => answered("get", key, rows.get(key)),
    list: (prefix, range) => answered("list", prefix, rows.list(prefix, range)),
  };
  return {
    rows: { ...rows, ...holding },
    hold(kind: "get" | "list", prefix: string): HeldCall {
      const [reached, released] = [signal(), signal()];
      waiting.push({ kind, prefix, reach: reached.give, released: released.given });
      return { reached: reached.given, release: released.give };
    },
  };
}

/** A promise, and what resolves it. */
export function signal(): { readonly given: Promise<void>; give(): void } {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** Lets everything go as far as it can: on rows in memory nothing takes longer than a turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
