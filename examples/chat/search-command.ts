/** Searching everything this device holds. */

import type { SearchHit } from "@sotto/sdk/node";
import type { CommandParts, Commands } from "./command.js";
import { lineOf } from "./item-words.js";
import { Names, nameOf } from "./names.js";
import { type Room, titleOf } from "./room.js";

/** Hits shown. */
const SHOWN = 20;

/** Where something was said, to meet its people by. */
async function roomOf({ conversation }: SearchHit): Promise<{ readonly room: Room; readonly title: string }> {
  if ("settings" in conversation)
    return { room: { kind: "group", conversation }, title: `in ${titleOf(conversation)}` };
  const peer = nameOf(await conversation.peer());
  return { room: { kind: "direct", conversation, peer }, title: `with ${peer}` };
}

/** A hit as lines; numbered where commands know the number. */
async function hitLines({ client, names, room, transcript }: CommandParts, hit: SearchHit): Promise<readonly string[]> {
  if (hit.conversation === room.conversation) return (transcript.wordsOf(hit.item) ?? "").split("\n");
  const { room: there, title } = await roomOf(hit);
  const met = new Names(client, names.of(client.accountId));
  await met.meet(there, hit.item);
  const words = lineOf(hit.item, { nameOf: met.of, numberOf: () => undefined }) ?? "";
  return `${words}  (${title})`.split("\n");
}

/** The command by name. */
export const searchCommand: Commands = {
  search: async (parts, words) => {
    const { client, say } = parts;
    if (words === "") return say(["/search takes words; the last one may be the beginning of one."]);
    const hits = await client.search(words, { limit: SHOWN });
    if (hits.length === 0) return say(["Nothing was found."]);
    const lines = await Promise.all(hits.toReversed().map((hit) => hitLines(parts, hit)));
    say([`Found${hits.length === SHOWN ? `, the latest ${SHOWN}` : ""}:`, ...lines.flat()]);
  },
};
