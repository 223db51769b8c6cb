/** Commands about files: sending, saving, and what is not finished. */

import { basename } from "node:path";
import { type Attachment, saveAttachment, type UploadOptions } from "@sotto/sdk/node";
import { attachmentName } from "./attachment-words.js";
import { type CommandParts, type Commands, watch } from "./command.js";
import { sizeWords } from "./figures.js";
import { pathAndWords, savePath } from "./paths.js";
import { harmless } from "./words.js";

/** Uploads a file, and then sends it with words or without. */
async function send(parts: CommandParts, argument: string, options: Pick<UploadOptions, "as">): Promise<void> {
  const { client, room, transfers, say } = parts;
  const wish = pathAndWords(argument);
  if (wish === undefined)
    return say(["Say which file: a path, in quotes if there are spaces in it, and words if you like."]);
  const { path, words } = wish;
  const name = harmless(basename(path));
  transfers.run(`Sending ${name}`, parts, async ({ signal, moved }) => {
    const onProgress = ({ sentBytes, totalBytes }: { sentBytes: number; totalBytes: number }) =>
      moved(sentBytes, totalBytes);
    const attachment = await client.attachments.upload(path, { ...options, signal, onProgress });
    watch(parts, room.conversation.send({ attachments: [attachment], ...(words === "" ? {} : { text: words }) }));
    return [];
  });
}

/** The attachment of `12` or `12.2`; what is wrong with it if there is none. */
function attachmentOf({ transcript }: CommandParts, number: string): Attachment | string {
  const [, message = "", place = "1"] = /^(\d+)(?:\.(\d+))?$/.exec(number) ?? [];
  const item = transcript.numbered(Number(message));
  if (item === undefined) return "There is no message of that number here.";
  if (item.kind !== "attachments") return "That message has no file.";
  return item.attachments[Number(place) - 1] ?? `That message has ${item.attachments.length} files.`;
}

/** The commands by name. */
export const fileCommands: Commands = {
  send: (parts, argument) => send(parts, argument, {}),
  voice: (parts, argument) => send(parts, argument, { as: "voice" }),
  save: async (parts, argument) => {
    const { client, transfers, say } = parts;
    const [, number = "", where = ""] = /^(\S+)\s*(.*)$/s.exec(argument) ?? [];
    const attachment = attachmentOf(parts, number);
    if (typeof attachment === "string")
      return say([attachment, "/save takes the number of a message, and a path if you like."]);
    const path = await savePath(pathAndWords(where)?.path, attachment.name ?? attachmentName(attachment));
    transfers.run(`Saving ${attachmentName(attachment)}`, parts, async ({ signal, moved }) => {
      const onProgress = ({ receivedBytes, totalBytes }: { receivedBytes: number; totalBytes: number }) =>
        moved(receivedBytes, totalBytes);
      await saveAttachment(client, attachment, path, { signal, onProgress });
      return [`Saved as ${path} (${sizeWords(attachment.sizeBytes)}). Only you can read it.`];
    });
  },
  cancel: ({ transfers, say }) => {
    const ended = transfers.cancel();
    say([ended === 0 ? "Nothing is being sent or saved." : "Stopped. The same command goes on where it was."]);
  },
  pending: async ({ client, say }) => {
    const pending = await client.attachments.pending();
    if (pending.length === 0) return say(["All uploads are finished."]);
    say([
      ...pending.map(
        ({ name, sentBytes, totalBytes }, place) =>
          `  ${place + 1}  ${harmless(name ?? "(no name)")}, ${sizeWords(sentBytes)} of ${sizeWords(totalBytes)}`,
      ),
      "/send of the same file goes on; /discard NUMBER gives one up.",
    ]);
  },
  discard: async ({ client, say }, number) => {
    const chosen = (await client.attachments.pending())[Number(number) - 1];
    if (chosen === undefined) return say(["/discard takes a number of /pending."]);
    await client.attachments.discard(chosen.id);
    say([`${harmless(chosen.name ?? "It")} was given up. Nothing of it is kept.`]);
  },
};
