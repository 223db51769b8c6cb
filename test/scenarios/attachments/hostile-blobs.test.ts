/** Blobs that are wrong, in the folder of a real relay that does not know: a hostile sender's, and a hostile relay's. */

import { blobIdOf, fromHex } from "@sotto/protocol";
import type { Client } from "@sotto/sdk/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimOf, vectorPlaintext, vectors, wrongBlob } from "../../support/attachments/vector-blobs.js";
import { World } from "../../support/world.js";
import { Uploader } from "./relay-uploader.js";

let world: World;
let bob: Client;
let mallory: Uploader;

beforeAll(async () => {
  world = await World.open();
  bob = await world.client("bob");
  mallory = await Uploader.register(world.url, "mallory");
});
afterAll(async () => {
  mallory.close();
  await world.close();
});

// A relay keeps no blob of no bytes.
test.each(vectors.refused.filter(({ pieces }) => pieces.length > 0))("refused: $name", async (vector) => {
  const blob = wrongBlob(vector);
  const upload = await mallory.begun(blob.length);
  expect((await mallory.part(upload, 0, blob)).status).toBe(204);
  const reference = { id: blobIdOf(fromHex(upload.slice(-32))), ...claimOf(vector) };

  const pieces: Uint8Array[] = [];
  const reading = (async () => {
    for await (const piece of bob.attachments.download(reference)) pieces.push(piece);
  })();
  await expect(reading).rejects.toMatchObject({ code: "attachmentCorrupt" });
  const released = Buffer.concat(pieces);
  expect(released.length).toBe(vector.releasedBytes);
  // All of them are good to their last chunk; one was sealed otherwise than it was hashed.
  if (vector.name === "sealed with another byte than was hashed") return;
  expect(Buffer.compare(released, vectorPlaintext(vector.madeFrom).subarray(0, released.length))).toBe(0);
});
