/** Listening to child processes. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** The next message of a child over the channel of `fork`; it must not end instead. */
export async function said<Said>(child: ChildProcess): Promise<Said> {
  const over = new AbortController();
  try {
    const [answer] = await Promise.race([
      once(child, "message", over),
      once(child, "exit", over).then(([code]) => Promise.reject(new Error(`the process ended with ${code}`))),
    ]);
    return answer;
  } finally {
    over.abort();
  }
}
