/** How the cost of messages is counted, the same for the baseline and for the SDK. */

/** The text every message carries. */
export const MESSAGE_TEXT = "All measured messages carry the same two hundred bytes of text. ".repeat(4).slice(0, 200);

/** What some messages cost one process. */
export interface Cost {
  /** User and system time, all threads of the process. */
  readonly cpuMicrosPerMessage: number;
  readonly wallMicrosPerMessage: number;
}

/** Starts counting; the answer stops it. */
export function startCost(): (messages: number) => Cost {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  return (messages) => {
    const wallMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpu);
    return { cpuMicrosPerMessage: (user + system) / messages, wallMicrosPerMessage: (wallMs * 1_000) / messages };
  };
}
