/**
 * Preloaded into a server whose memory is measured (`--expose-gc --import …/collect.ts`): on the word of the bench it
 * collects all garbage and answers the size of the heap that is in use.
 */

/** Full collections in a row: the later ones free what finalisers of the earlier ones let go. */
const COLLECTIONS = 4;

process.on("message", (word) => {
  if (word !== "collect") return;
  let left = COLLECTIONS;
  const collect = () => {
    globalThis.gc?.();
    left -= 1;
    if (left > 0) setTimeout(collect, 50);
    else process.send?.(process.memoryUsage().heapUsed);
  };
  collect();
});
