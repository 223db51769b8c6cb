/** The relay's storage adapters: LevelDB on disk, a memory double, and the bus of a single node. */

export { levelStore } from "./level/level-store.js";
export { localBus } from "./local-bus.js";
export { memoryStore } from "./memory/memory-store.js";
