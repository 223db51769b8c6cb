/** Pictures and voice notes from their sender's device to the recipient's: what is seen before the download, and what is not in it. */

import type { Attachment, Client } from "@sotto/sdk/node";
import sharp from "sharp";
import { afterEach, expect, it } from "vitest";
import { soundOf } from "../../support/sound-of.js";
import { itemsUntil, World } from "../../support/world.js";

let world: World;
afterEach(async () => {
  await world.close();
});

async function downloaded(
  client: Client,
  attachment: Parameters<Client["attachments"]["download"]>[0],
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.attachments.download(attachment)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

it("a picture arrives upright and stripped, with a blurhash and a thumbnail of its own, and a voice note with its waveform", async () => {
  world = await World.open();
  const { alice, bob, toBob, toAlice } = await world.pair();
  const photo = await sharp({ create: { width: 300, height: 200, channels: 3, background: "orange" } })
    .withExif({ IFD3: { GPSLatitudeRef: "N", GPSLatitude: "48/1 12/1 30/1" }, IFD0: { Artist: "canary-artist" } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  expect(photo.includes("canary-artist")).toBe(true);
  const picture = await alice.attachments.upload(new Uint8Array(photo), { name: "holiday.jpg" });
  const original = await alice.attachments.upload(new Uint8Array(photo), { as: "file", mime: "image/jpeg" });
  const voice = await alice.attachments.upload(
    soundOf(1.5, (share) => share),
    { as: "voice", mime: "audio/wav" },
  );
  await toBob.send({ attachments: [picture, original, voice], text: "look and listen" }).accepted;
  const items = await itemsUntil(toAlice, (item) => item.kind === "attachments");
  const item = items.at(-1);
  if (item?.kind !== "attachments") throw new Error("no attachments");
  const [shown, kept, heard] = item.attachments as readonly [Attachment, Attachment, Attachment];
  expect(shown).toMatchObject({ media: "image", mime: "image/jpeg", name: "holiday.jpg", width: 200, height: 300 });
  expect(shown.blurhash).toMatch(/^.{28}$/);
  const bytes = await downloaded(bob, shown);
  expect(bytes.includes("canary-artist")).toBe(false);
  const about = await sharp(bytes).metadata();
  expect([about.width, about.height, about.exif, about.orientation]).toEqual([200, 300, undefined, undefined]);
  if (shown.thumbnail === undefined) throw new Error("no thumbnail");
  expect(await sharp(await downloaded(bob, shown.thumbnail)).metadata()).toMatchObject({ format: "webp", width: 200 });
  expect([kept.media, kept.thumbnail]).toEqual(["file", undefined]);
  expect((await downloaded(bob, kept)).equals(photo)).toBe(true);
  expect(heard).toMatchObject({ media: "voice", durationMs: 1_500 });
  expect(heard.waveform).toHaveLength(64);
  expect(await alice.attachments.pending()).toEqual([]);
});

it("a download ends with `closed` when its client closes, and with `aborted` by its signal", async () => {
  world = await World.open();
  const alice = await world.client("alice");
  const attachment = await alice.attachments.upload(new Uint8Array(4_000_000));
  const end = new AbortController();
  const read = async (signal?: AbortSignal) => {
    for await (const _chunk of alice.attachments.download(attachment, { signal })) {
      if (signal === undefined) await alice.close();
      else end.abort();
    }
  };
  await expect(read(end.signal)).rejects.toMatchObject({ code: "aborted" });
  await expect(read()).rejects.toMatchObject({ code: "closed" });
  expect(() => alice.attachments).toThrow(expect.objectContaining({ code: "closed" }));
});
