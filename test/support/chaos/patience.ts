/** Bounded waiting: whatever does not happen says what it was. */

/** A step of a run that did not end in time. */
export class OutOfPatience extends Error {
  override readonly name = "OutOfPatience";
}

/** What `work` answers. @throws OutOfPatience if it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutOfPatience(`${what}: not done after ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits a moment. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
