/** What people put into messages beside words: files and what is said of them, places, cards, polls, timers, and own notes. */

import { randomBytes, randomInt } from "node:crypto";
import { blobIdOf, type ContentKind, sealedAttachmentSize, toHex } from "@sotto/protocol";
import { type Attachment, type Client, type DirectConversation, levelStore, nodePlatform } from "@sotto/sdk/node";
import sharp from "sharp";
import { decodeRow, eachRow, keys } from "../../../sdk/core/rows.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { soundOf } from "../../support/sound-of.js";
import { Needle } from "./needle.js";

/** Bytes of a blob or of a picture that nobody else has. */
const EXCERPT_BYTES = 32;
/** More than three bytes can spell. */
const FILE_BYTES = 17_000_000;
/** Other files, each of a size of its own: so many numbers do not stand together anywhere by chance. */
const SMALL_FILES = 4;
const SMALL_FILE_BYTES = 1_000_000;
const PICTURE = 96;

/** Files that were uploaded, and what must not be found of them. */
export interface PlantedFiles {
  readonly attachments: readonly Attachment[];
  /** Their bytes, keys and digests, blurhash and waveform, and their true sizes as wide numbers. */
  readonly secret: readonly Needle[];
  /** Their true sizes in forms of four bytes, which a place that is large has by chance, all together too. */
  readonly narrow: readonly Needle[];
  /** By what the relay keeps them: their ids, and how long they are sealed. */
  readonly kept: readonly Needle[];
}

/** Uploads files, a picture and a voice note, and leaves an upload and a stream behind that are not finished. */
export async function plantFiles(client: Client, word: string): Promise<PlantedFiles> {
  const bytes = new Uint8Array(randomBytes(FILE_BYTES + randomInt(1_000_000)));
  bytes.set(Buffer.from(`${word} begins a file`));
  const file = await client.attachments.upload(bytes, { name: `${word}.pdf`, mime: `application/${word}`, as: "file" });
  const small: Attachment[] = [];
  for (let at = 0; at < SMALL_FILES; at++) {
    const noise = new Uint8Array(randomBytes(SMALL_FILE_BYTES + randomInt(1_000_000)));
    small.push(await client.attachments.upload(noise, { name: `${word} ${at}`, as: "file" }));
  }
  const sizes = [file, ...small].map(({ sizeBytes }) => sizeBytes);
  const raw = { width: PICTURE, height: PICTURE, channels: 3 } as const;
  const noise = await sharp(randomBytes(PICTURE * PICTURE * 3), { raw })
    .jpeg({ quality: 90 })
    .toBuffer();
  const picture = await client.attachments.upload(new Uint8Array(noise), { name: `${word}.jpg` });
  const { thumbnail, blurhash } = picture;
  if (thumbnail === undefined || blurhash === undefined) throw new Error("a picture has a thumbnail and a blurhash");
  const sound = soundOf(1, () => Math.random());
  const waveform = new Uint8Array(randomBytes(48));
  const voice = await client.attachments.upload(sound, { as: "voice", mime: "audio/wav", durationMs: 1_000, waveform });
  await beginInVain(client, word);
  const attachments = [file, ...small, picture, voice];
  const shown = [
    await excerptOf(client, "the picture", picture),
    await excerptOf(client, "the thumbnail", thumbnail),
    Needle.ofBytes("the file's bytes", bytes.subarray(100_000, 100_000 + EXCERPT_BYTES)),
    Needle.ofBytes("the file's last bytes", bytes.subarray(-EXCERPT_BYTES)),
    Needle.ofText("the blurhash", blurhash),
    Needle.ofBytes("the waveform", waveform),
    numbersOf("the files' true sizes", sizes, "wide"),
  ];
  const keyed = [...attachments, thumbnail].flatMap(({ key, digest }) => [
    Needle.ofBytes("an attachment's key", key),
    Needle.ofBytes("an attachment's digest", digest),
  ]);
  const kept = [...attachments, thumbnail].map(({ id }, index) => Needle.ofText(`blob id ${index}`, toHex(id)));
  return {
    attachments,
    secret: [...shown, ...keyed],
    narrow: [numbersOf("the files' true sizes", sizes, "narrow")],
    kept: [...kept, Needle.ofNumber("the file's sealed size", sealedAttachmentSize(file.sizeBytes), "narrow")],
  };
}

function numbersOf(name: string, values: readonly number[], width: "wide" | "narrow"): Needle {
  return Needle.together(
    name,
    values.map((value) => Needle.ofNumber(name, value, width)),
  );
}

/** Leaves what a crash leaves: a stream that was kept to its end, and an upload of it that had begun. */
async function beginInVain(client: Client, word: string): Promise<void> {
  const stop = new AbortController();
  const pieces = Array.from({ length: 40 }, () => new Uint8Array(Buffer.alloc(100_000, `${word} in a stream. `)));
  const onProgress = () => stop.abort();
  const source = (async function* () {
    yield* pieces;
  })();
  const uploading = client.attachments.upload(source, {
    ...{ name: `${word} stream`, resume: word, as: "file" },
    ...{ onProgress, signal: stop.signal },
  });
  await uploading.then(
    () => Promise.reject(new Error("an upload that was stopped was finished")),
    () => undefined,
  );
}

async function excerptOf(client: Client, name: string, of: Parameters<Client["attachments"]["download"]>[0]) {
  const pieces: Uint8Array[] = [];
  for await (const piece of client.attachments.download(of)) pieces.push(piece);
  const middle = Math.floor(of.sizeBytes / 2);
  return Needle.ofBytes(`bytes of ${name}`, Buffer.concat(pieces).subarray(middle, middle + EXCERPT_BYTES));
}

/** The ids of uploads in the store of a client that closed: who has one may write and delete. */
export async function uploadIdsOf(folder: string): Promise<readonly Needle[]> {
  const store = await SealedStore.open(levelStore(folder), nodePlatform);
  try {
    const ids: Uint8Array[] = [];
    for await (const { value } of eachRow(store, keys.uploadeds)) ids.push(decodeRow("uploaded", value).uploadId);
    for await (const { value } of eachRow(store, keys.uploads)) ids.push(decodeRow("upload", value).uploadId);
    if (ids.length === 0) throw new Error("nothing was uploaded from this store");
    return ids.map((id) => Needle.ofBytes(`the upload of blob ${toHex(blobIdOf(id)).slice(0, 4)}`, id));
  } finally {
    await store.close();
  }
}

/** Numbers that nobody else says all together. */
export interface PlantedNumbers {
  readonly places: readonly { readonly latitude: number; readonly longitude: number }[];
  readonly timersMs: readonly number[];
}

/** Draws places and timers. */
export function uniqueNumbers(): PlantedNumbers {
  const degrees = () => randomInt(10_000_000, 80_000_000) / 1_000_000;
  const timer = () => 20_000_000_000 + randomInt(1_000_000_000);
  return {
    places: [1, 2].map(() => ({ latitude: degrees(), longitude: degrees() })),
    timersMs: [timer(), timer()],
  };
}

/** Every form of them, as a content holds them and as an app says them. */
export function needlesOf({ places, timersMs }: PlantedNumbers): readonly Needle[] {
  const words = places.flatMap(({ latitude, longitude }) => [`${latitude}`, `${longitude}`]);
  const numbers = places.flatMap(({ latitude, longitude }) => [
    Math.round((latitude + 90) * 1_000_000),
    Math.round((longitude + 180) * 1_000_000),
  ]);
  return [
    Needle.together(
      "places in words",
      words.map((one) => Needle.ofText("a place in words", one)),
    ),
    numbersOf("places", numbers, "wide"),
    numbersOf("timers", timersMs, "wide"),
  ];
}

/** What says one thing and tells its kind. */
export type Say = (
  kind: ContentKind,
  message: ReturnType<DirectConversation["send"]>,
) => Promise<ReturnType<DirectConversation["send"]>["id"]>;

/** One of every kind that is more than words. */
export async function sayRichly(talk: {
  readonly alice: Client;
  readonly toBob: DirectConversation;
  readonly word: string;
  readonly files: PlantedFiles;
  readonly numbers: PlantedNumbers;
  readonly said: Say;
}): Promise<void> {
  const { alice, toBob, word, files, numbers, said } = talk;
  const { attachments } = files;
  const { places, timersMs } = numbers;
  await said("attachments", toBob.send({ attachments, text: `${word} in a caption` }));
  const mentions = [{ account: alice.accountId, start: 0, length: word.length }];
  const preview = { url: `https://${word}.example/`, title: `${word} in a title`, description: `${word} in a summary` };
  await said("annotated", toBob.send({ text: `${word} with a name and a link`, mentions, preview }));
  for (const place of places) {
    await said("location", toBob.send({ location: { ...place, label: `${word} is a place` } }));
  }
  const entries = [{ kind: "email", value: `${word}@example.org` }] as const;
  await said("card", toBob.send({ card: { name: `${word} on a card`, entries } }));
  const options = [`${word} is one option`, `${word} is another`];
  const poll = await said("poll", toBob.send({ poll: { question: `${word} in a question`, options } }));
  await said("vote", toBob.vote(poll, [1]));
  for (const timerMs of timersMs) await said("timer", toBob.setTimer(timerMs));
  await said("text", toBob.send({ text: `${word} that does not stay` }));
  await said("timer", toBob.setTimer(undefined));
  await toBob.pin(poll);
}

/** Notes of this account's own, which its other devices are told, and a search. */
export async function noteEverything(alice: Client, toBob: DirectConversation, word: string): Promise<void> {
  await toBob.setDraft(`${word} in a draft`);
  await alice.quickReplies.put({ title: `${word} is a title`, text: `${word} in a quick reply` });
  const label = await alice.labels.put({ name: `${word} is a label` });
  await toBob.label(label.id);
  await toBob.assign(`${word} is an agent`);
  const found = await alice.search(word);
  if (found.length === 0) throw new Error("the search found nothing");
}
