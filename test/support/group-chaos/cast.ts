/** How many people a run of a size has in which part. */

import type { Cast } from "./schedule.js";

/** Three quarters of all found the group, so that the others can join it; a few do most of the talking. */
export function castOf(people: number): Cast {
  const founding = Math.max(3, Math.ceil(people * 0.75));
  return { people, founding, voices: Math.min(founding, Math.max(4, Math.ceil(people / 6))) };
}
