/** The store of a single relay. */

import type { Clock, Store } from "../../ports.js";
import type { Durability } from "../engine.js";
import { orderedStore } from "../ordered/ordered-store.js";
import { levelEngine } from "./level-engine.js";

/** Where the store lies, and what time it is. */
export interface LevelStoreOptions {
  /** A folder of its own; created if missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** `synced`, unless a measurement or a test wants to see what unsynced writes lose; the guarantee is then `none`. */
  readonly durability?: Durability;
}

/** A store on LevelDB: what it answers `stored` survives `kill -9` and power loss, not the loss of the disk. */
export function levelStore({ folder, clock, durability = "synced" }: LevelStoreOptions): Store {
  return orderedStore({ engine: levelEngine(folder), clock, durability });
}
