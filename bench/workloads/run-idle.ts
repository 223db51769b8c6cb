/** The memory of many silent connections on one fresh server. */

import type { Workload } from "../load/orders.js";
import { startGenerators } from "../processes/generators.js";
import type { Target } from "../targets.js";

/** Generators that hold the connections. */
const GENERATORS = 2;

/** What one run measured, all after full garbage collections, all as the growth over no connections at all. */
export interface IdleRun {
  readonly residentBytesPerConnection: number;
  readonly heapBytesPerConnection: number;
}

/** Opens `connections` idle connections, authenticated where the target knows devices, and weighs the server. */
export async function runIdle(target: Target, connections: number): Promise<IdleRun> {
  const server = await target.start("memory");
  try {
    const share: Workload = {
      kind: "idle",
      connections: Math.ceil(connections / GENERATORS),
      greeting: target.greeting,
    };
    // Registers the devices, so that what the directory keeps of them is not counted as a connection's.
    const generators = await startGenerators(
      { port: server.port, dialect: target.dialect },
      Array.from({ length: GENERATORS }, () => share),
    );
    try {
      const before = await server.settledMemory();
      await generators.connect();
      const after = await server.settledMemory();
      const opened = share.connections * GENERATORS;
      return {
        residentBytesPerConnection: (after.residentBytes - before.residentBytes) / opened,
        heapBytesPerConnection: (after.heapBytes - before.heapBytes) / opened,
      };
    } finally {
      await generators.stop();
    }
  } finally {
    await server.stop();
  }
}
