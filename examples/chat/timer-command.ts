/** Setting how long messages are kept, with one person or in a group. */

import { type CommandParts, type Commands, watch } from "./command.js";
import { spanOf, spanWords } from "./figures.js";

/** A year: what the protocol takes. */
const MAX_SPAN_MS = 365 * 86_400_000;

async function timerNow({ room }: CommandParts): Promise<number | undefined> {
  return room.kind === "direct" ? room.conversation.timerMs() : room.conversation.settings.timerMs;
}

/** The command by name. */
export const timerCommand: Commands = {
  timer: async (parts, wish) => {
    const { room, say } = parts;
    if (wish === "") {
      const present = await timerNow(parts);
      return say([
        present === undefined
          ? "Messages stay. /timer 1h has them vanish an hour after they were read."
          : `Messages vanish ${spanWords(present)} after they were read. /timer off has them stay.`,
      ]);
    }
    const spanMs = wish === "off" ? undefined : spanOf(wish);
    if (wish !== "off" && (spanMs === undefined || spanMs === 0 || spanMs > MAX_SPAN_MS))
      return say(["/timer takes 30s, 5m, 1h or 7d, up to a year, or off."]);
    if (room.kind === "direct") watch(parts, room.conversation.setTimer(spanMs));
    else await room.conversation.update({ timerMs: spanMs });
  },
};
