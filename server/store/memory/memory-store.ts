/** A store for fast tests of the rules. */

import type { Clock, Store } from "../../ports.js";
import { orderedStore } from "../ordered/ordered-store.js";
import { memoryEngine } from "./memory-engine.js";

/** What the store in memory needs. */
export interface MemoryStoreOptions {
  readonly clock: Clock;
}

/** Keeps everything in memory and nothing after the process: its guarantee is `none`, its rules are LevelDB's. */
export function memoryStore({ clock }: MemoryStoreOptions): Store {
  return orderedStore({ engine: memoryEngine(), clock, durability: "unsafeUnsynced" });
}
