/** Commands about what only this account's own devices see: pins, and words to send again and again. */

import { fillQuickReply } from "@sotto/sdk/node";
import { type CommandParts, type Commands, watch } from "./command.js";
import type { Message } from "./item-words.js";
import { nameOf } from "./names.js";
import { harmless } from "./words.js";

/** The message of a number. Says so if there is none. */
function meant({ transcript, say }: CommandParts, number: string): Message | undefined {
  const message = transcript.numbered(Number(number));
  if (message === undefined) say(["There is no message of that number here."]);
  return message;
}

async function addQuickReply({ client, say }: CommandParts, argument: string): Promise<void> {
  const [, title, text] = /^(\S+)\s+(.+)$/s.exec(argument) ?? [];
  if (title === undefined || text === undefined)
    return say(["Like this: /quick add hello Hello {name}, how can I help?"]);
  const known = (await client.quickReplies.list()).find((reply) => reply.title === title);
  await client.quickReplies.put({ id: known?.id, title, text });
  say([`${harmless(title)} was kept. Your other devices have it, too.`]);
}

/** What `{name}` stands for. */
async function values({ room }: CommandParts): Promise<Readonly<Record<string, string>>> {
  return room.kind === "direct" ? { name: nameOf(await room.conversation.peer()) } : {};
}

/** The commands by name. */
export const noteCommands: Commands = {
  pin: async (parts, number) => {
    const message = meant(parts, number);
    if (message === undefined) return;
    await parts.room.conversation.pin(message.messageId);
    parts.say(["Pinned on all your devices. Nobody else sees it. /pins shows them."]);
  },
  unpin: async (parts, number) => {
    const message = meant(parts, number);
    if (message === undefined) return;
    await parts.room.conversation.unpin(message.messageId);
    parts.say(["The pin was taken off."]);
  },
  pins: async ({ room, transcript, say }) => {
    const pinned = (await room.conversation.pins()).flatMap((item) => transcript.wordsOf(item) ?? []);
    say(pinned.length === 0 ? ["Nothing is pinned here. /pin NUMBER does it."] : ["Pinned:", ...pinned]);
  },
  quick: async (parts, argument) => {
    const { client, room, say } = parts;
    const [, verb = "", rest = ""] = /^(add|remove)\s+(.*)$/s.exec(argument) ?? [];
    if (verb === "add") return addQuickReply(parts, rest);
    const replies = await client.quickReplies.list();
    const chosen = replies[Number(verb === "remove" ? rest : argument) - 1];
    if (verb === "remove" && chosen !== undefined) {
      await client.quickReplies.remove(chosen.id);
      return say([`${harmless(chosen.title)} was removed.`]);
    }
    if (chosen !== undefined) {
      return watch(parts, room.conversation.send({ text: fillQuickReply(chosen, await values(parts)) }));
    }
    say([
      ...replies.map(({ title, text }, place) => `  ${place + 1}  ${harmless(title)}: ${harmless(text)}`),
      "/quick NUMBER sends one, /quick add TITLE TEXT keeps one, /quick remove NUMBER. {name} is whom you talk with.",
    ]);
  },
};
