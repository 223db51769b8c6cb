/** A picture goes from one person to another. Pictures need `npm install sharp`; here it makes one, too. */

import { createClient, levelStore, safeFileName, saveAttachment } from "@sotto/sdk/node";
import sharp from "sharp";

const relay = process.env.RELAY ?? "http://localhost:8787";
const open = (userId: string) => createClient({ relay, userId, store: levelStore(`./demo/${userId}`) });
const [jane, kofi] = await Promise.all([open("jane"), open("kofi")]);

// The first message to somebody is words only; files go once they accepted.
const toKofi = await jane.openDM({ userId: "kofi" });
const hello = toKofi.send({ text: "May I show you something?" });
for await (const request of kofi.requests()) {
  await request.accept();
  break;
}
await hello.delivered;

const sea = { width: 1200, height: 800, channels: 3, background: "teal" } as const;
await sharp({ create: sea }).jpeg().toFile("./beach.jpg");

// Made upright, freed of its EXIF and of where it was taken, then encrypted here under a key of its own.
const picture = await jane.attachments.upload("./beach.jpg", {
  onProgress: ({ sentBytes, totalBytes }) => console.log(`${sentBytes} of ${totalBytes} bytes are at the relay`),
});
await toKofi.send({ attachments: [picture], text: "The beach this morning" }).accepted;

const toJane = await kofi.openDM({ accountId: jane.accountId });
for await (const item of toJane.messages()) {
  if (item.kind !== "attachments") continue;
  for (const attachment of item.attachments) {
    const { name, width, height, blurhash, thumbnail } = attachment;
    console.log(`${item.text}: ${name}, ${width}×${height}, blurhash ${blurhash}`); // all there is before a download
    if (thumbnail !== undefined) {
      let bytes = 0;
      for await (const piece of kofi.attachments.download(thumbnail)) bytes += piece.length;
      console.log(`the thumbnail is ${thumbnail.width}×${thumbnail.height} and has ${bytes} bytes`);
    }
    // What a file is called is its sender's word: never a path, and made safe before it names a file here.
    const path = `./saved-${safeFileName(name)}`;
    await saveAttachment(kofi, attachment, path, { existing: "replace" });
    console.log(`saved as ${path}, whole and verified`);
  }
  break;
}
await Promise.all([jane.close(), kofi.close()]);
