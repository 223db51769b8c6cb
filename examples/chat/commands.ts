/** The commands of the chat: each a line of the table, each through the SDK's public API only. */

import { type DirectConversation, type SentMessage, SottoError } from "@sotto/sdk/node";
import { type Command, type CommandParts, plain } from "./command.js";
import { consentCommands } from "./consent-commands.js";
import { deviceCommands } from "./device-commands.js";
import { grouped, HELP } from "./words.js";

/** The digits that were shown last, so that only what was compared is confirmed. */
const shown = new WeakMap<DirectConversation, string>();

const commands: Readonly<Record<string, Command>> = {
  ...deviceCommands,
  ...consentCommands,
  help: ({ say }) => say(HELP),
  quit: ({ quit }) => quit(),
  reply: (parts, text) => {
    const target = parts.transcript.last("received");
    if (target === undefined || text === "") return parts.say(["There is nothing to reply to, or no text."]);
    watch(parts, parts.conversation.send({ text, replyTo: target.messageId }));
  },
  edit: (parts, text) => {
    const target = parts.transcript.last("sent");
    if (target === undefined || text === "") return parts.say(["There is nothing to edit, or no text."]);
    watch(parts, parts.conversation.edit(target.messageId, { text }));
  },
  delete: (parts) => {
    const target = parts.transcript.last("sent");
    if (target === undefined) return parts.say(["There is nothing to delete."]);
    watch(parts, parts.conversation.delete(target.messageId));
  },
  react: (parts, emoji) => {
    const target = parts.transcript.last("received");
    if (target === undefined || emoji === "") return parts.say(["There is nothing to react to, or no emoji."]);
    watch(parts, parts.conversation.react(target.messageId, emoji));
  },
  safety: async ({ conversation, say }) => {
    const number = await conversation.safetyNumber();
    if (number === undefined) return say(["There is no safety number before the first message."]);
    say([
      `Safety number (${number.verification}):`,
      `  ${grouped(number.digits)}`,
      "The other side must see the same.",
    ]);
  },
  verify: async ({ conversation, say }) => {
    await conversation.markVerified(shown.get(conversation));
    say(["Marked as compared. If it ever changes, nothing is sent until you /trust it."]);
  },
  trust: async ({ conversation, say }) => {
    await conversation.trustIdentity(shown.get(conversation));
    say(["The present safety number is used from now on, as not compared. Use /retry for what was not sent."]);
  },
  retry: async ({ conversation, transcript, say }) => {
    const waiting = transcript.failed;
    for (const { messageId } of waiting) await conversation.retry(messageId);
    say([waiting.length === 0 ? "Nothing was given up." : `Sending ${waiting.length} again.`]);
  },
  name: async ({ client, say }, name) => {
    await client.setProfile({ name: name === "" ? undefined : name });
    say(["Your name was set."]);
  },
  state: async ({ client, say }) => say([JSON.stringify(await client.debugBundle(), null, 2)]),
};

/** Does what a line asks for: a command, or a message. */
export async function obey(parts: CommandParts, line: string): Promise<void> {
  const text = line.trim();
  if (text === "") return;
  const [, name, argument = ""] = /^\/(\w+)\s*(.*)$/s.exec(text) ?? [];
  try {
    if (name === undefined) return watch(parts, parts.conversation.send({ text }));
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) return parts.say([`There is no /${name}. /help lists what there is.`]);
    await command(parts, argument.trim());
  } catch (error) {
    parts.say([plain(error)]);
  }
}

function watch({ say, leaving }: CommandParts, message: SentMessage): void {
  const settled = message.accepted
    .catch((error: unknown) => {
      const isQuiet = error instanceof SottoError && (error.code === "closed" || error.code === "cancelled");
      if (!isQuiet) say([plain(error)]);
    })
    .finally(() => leaving.delete(settled));
  leaving.add(settled);
}
