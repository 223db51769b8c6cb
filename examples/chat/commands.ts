/** The commands of the chat: each a line of a table, each through the SDK's public API only. */

import { type CommandParts, type Commands, plain, watch } from "./command.js";
import { consentCommands } from "./consent-commands.js";
import { contentCommands } from "./content-commands.js";
import { deviceCommands } from "./device-commands.js";
import { directCommands } from "./direct-commands.js";
import { fileCommands } from "./file-commands.js";
import { groupCommands } from "./group-commands.js";
import { groupSettingCommands } from "./group-setting-commands.js";
import { helpOn } from "./help.js";
import { noteCommands } from "./note-commands.js";
import { reportCommands } from "./report-commands.js";
import { roomCommands } from "./room-commands.js";
import { searchCommand } from "./search-command.js";
import { timerCommand } from "./timer-command.js";

/** Those that are the same wherever they are given. */
const anywhere: Commands = {
  ...deviceCommands,
  ...consentCommands,
  ...roomCommands,
  ...fileCommands,
  ...contentCommands,
  ...noteCommands,
  ...reportCommands,
  ...searchCommand,
  ...timerCommand,
  help: ({ say }, topic) => say(helpOn(topic)),
  quit: ({ quit }) => quit(),
  reply: (parts, text) => {
    const target = parts.transcript.last("received");
    if (target === undefined || text === "") return parts.say(["There is nothing to reply to, or no text."]);
    watch(parts, parts.room.conversation.send({ text, replyTo: target.messageId }));
  },
  edit: (parts, text) => {
    const target = parts.transcript.last("sent");
    if (target === undefined || text === "") return parts.say(["There is nothing to edit, or no text."]);
    watch(parts, parts.room.conversation.edit(target.messageId, { text }));
  },
  delete: (parts) => {
    const target = parts.transcript.last("sent");
    if (target === undefined) return parts.say(["There is nothing to delete."]);
    watch(parts, parts.room.conversation.delete(target.messageId));
  },
  react: (parts, emoji) => {
    const target = parts.transcript.last("received");
    if (target === undefined || emoji === "") return parts.say(["There is nothing to react to, or no emoji."]);
    watch(parts, parts.room.conversation.react(target.messageId, emoji));
  },
  retry: async ({ room, transcript, say }) => {
    const waiting = transcript.failed;
    for (const { messageId } of waiting) await room.conversation.retry(messageId);
    say([waiting.length === 0 ? "Nothing was given up." : `Sending ${waiting.length} again.`]);
  },
  name: async ({ client, say }, name) => {
    await client.setProfile({ name: name === "" ? undefined : name });
    say(["Your name was set."]);
  },
  state: async ({ client, say }) => say([JSON.stringify(await client.debugBundle(), null, 2)]),
};
const inGroups = { ...groupCommands, ...groupSettingCommands };

/** Does what a line asks for: a command, or a message. */
export async function obey(parts: CommandParts, line: string): Promise<void> {
  const text = line.trim();
  if (text === "") return;
  const [, name, argument = ""] = /^\/(\w+)\s*(.*)$/s.exec(text) ?? [];
  try {
    if (name === undefined) return watch(parts, parts.room.conversation.send({ text }));
    await follow(parts, name, argument.trim());
  } catch (error) {
    parts.say([plain(error)]);
  }
}

/** Finds a command where it is given, and does it. */
async function follow(parts: CommandParts, name: string, argument: string): Promise<void> {
  const { room, say } = parts;
  const general = commandIn(anywhere, name);
  if (general !== undefined) return general(parts, argument);
  const direct = commandIn(directCommands, name);
  const inGroup = commandIn(inGroups, name);
  if (room.kind === "direct" && direct !== undefined) return direct({ ...parts, room }, argument);
  if (room.kind === "group" && inGroup !== undefined) return inGroup({ ...parts, room }, argument);
  if (direct !== undefined)
    return say([`/${name} is about one other person, and this is a group. /to NAME opens theirs.`]);
  if (inGroup !== undefined)
    return say([`/${name} is for groups, and this is none. /groups lists yours, /open TITLE opens one.`]);
  say([`There is no /${name}. /help lists what there is.`]);
}

function commandIn<Found>(commands: Readonly<Record<string, Found>>, name: string): Found | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined;
}
