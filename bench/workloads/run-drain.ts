/** One drain of one mailbox of a fresh server. */

import { startGenerators } from "../processes/generators.js";
import type { Target } from "../targets.js";

/** What one drain measured. `seconds` runs from the owner's first byte to its last message. */
export interface DrainRun {
  readonly seconds: number;
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly lost: number;
  readonly refused: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly leftBehind: number;
}

/** Fills a mailbox, lets its owner drain it, and checks that nothing is left. */
export async function runDrain(target: Target, messages: number): Promise<DrainRun> {
  const server = await target.start("outside");
  try {
    const generators = await startGenerators({ port: server.port, dialect: target.dialect }, [
      { kind: "drain", messages },
    ]);
    try {
      const cpuBefore = await server.cpuSeconds();
      const [drained] = await generators.drain();
      const cpu = (await server.cpuSeconds()) - cpuBefore;
      if (drained === undefined) throw new Error("nobody drained");
      const { seconds, leftBehind, faults } = drained;
      return {
        seconds,
        perSecond: messages / seconds,
        cpuMicrosPerMessage: (cpu / messages) * 1e6,
        ...faults,
        leftBehind,
      };
    } finally {
      await generators.stop();
    }
  } finally {
    await server.stop();
  }
}
