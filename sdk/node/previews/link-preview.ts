/** A preview of a page, made by who sends the link. Nobody who reads it fetches anything. */

import { limits, SottoError } from "@sotto/protocol";
import type { Attachment, LinkPreview } from "../../core/index.js";
import { prepareImage } from "../images.js";
import { type Fetching, fetchWithin, publicOnly } from "./fetch-page.js";
import { readPageWords } from "./page-words.js";

/** How a preview is made. */
export interface PreviewOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the page's picture comes with it, small; uploaded like any attachment. `with` unless given. */
  readonly image?: "with" | "without" | undefined;
  /**
   * Whether an address may be asked. Unless given, only those of the open internet: a link must not make this machine, or a
   * bot's server, ask its own network.
   */
  readonly mayAsk?: ((address: string) => boolean) | undefined;
}

/** The part of a client that a preview's picture is uploaded with. */
export interface Uploading {
  readonly attachments: {
    upload(
      source: Uint8Array,
      options: { readonly as: "file"; readonly mime: string; readonly signal?: AbortSignal | undefined },
    ): Promise<Attachment>;
  };
}

const PAGE_BYTES = 524_288;
const IMAGE_BYTES = 8_388_608;
const TIMEOUT_MS = 10_000;

/**
 * Fetches a page and makes a preview of it for `send({ text, preview })`; `undefined` if the page has nothing to show, is none,
 * or does not answer. Nothing calls this by itself: whoever sends a link decides, because the page learns this machine's address.
 *
 * @throws invalidArgument for what is no web address; aborted; what `upload` throws.
 */
export async function previewLink(
  client: Uploading,
  link: string,
  { signal, image = "with", mayAsk = publicOnly }: PreviewOptions = {},
): Promise<LinkPreview | undefined> {
  const address = webAddress(link);
  // No combination of signals: on Node 20 a timeout in one can be collected before it fires.
  const end = new AbortController();
  const abort = () => end.abort();
  const timer = setTimeout(abort, TIMEOUT_MS);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    return await makePreview(client, { link, address, image, signal, within: { mayAsk, signal: end.signal } });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

interface Making {
  readonly link: string;
  readonly address: URL;
  readonly image: "with" | "without";
  readonly signal: AbortSignal | undefined;
  readonly within: Pick<Fetching, "mayAsk" | "signal">;
}

async function makePreview(
  client: Uploading,
  { link, address, image, signal, within }: Making,
): Promise<LinkPreview | undefined> {
  const page = await orNothing(signal, () => readPage(address, within));
  if (page?.title === undefined) return undefined;
  const shown = image === "without" ? undefined : page.image;
  const picture = shown === undefined ? undefined : await orNothing(signal, () => readPicture(shown, within));
  const preview = {
    url: link,
    title: cut(page.title, limits.previewTitleBytes.value),
    ...(page.description === undefined ? {} : { description: cut(page.description, limits.previewWordsBytes.value) }),
  };
  if (picture === undefined) return preview;
  const { bytes, mime, width, height } = picture;
  const { id, key, digest, sizeBytes } = await client.attachments.upload(bytes, { as: "file", mime, signal });
  return { ...preview, image: { id, key, digest, sizeBytes, mime, width, height } };
}

function webAddress(link: string): URL {
  const address = addressOf(link);
  if (address === undefined || !/^https?:$/.test(address.protocol) || Buffer.byteLength(link) > limits.urlBytes.value)
    throw new SottoError("invalidArgument", { detail: "a link is an http or https address of up to 2048 bytes" });
  return address;
}

async function readPage(address: URL, within: Pick<Fetching, "mayAsk" | "signal">) {
  const { url, contentType, body } = await fetchWithin(address, {
    ...within,
    accept: "text/html",
    maxBytes: PAGE_BYTES,
  });
  if (!/^(text\/html|application\/xhtml\+xml)\b/i.test(contentType)) return undefined;
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  const { title, description, image } = readPageWords(textOf(body, charset));
  return { title, description, image: addressOf(image, url) };
}

function addressOf(text: string | undefined, base?: URL): URL | undefined {
  return text !== undefined && URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
}

/** A page that names a charset nobody knows is read as UTF-8. */
function textOf(body: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

/** The picture as small as a thumbnail; its own bytes are not passed on. */
async function readPicture(address: URL, within: Pick<Fetching, "mayAsk" | "signal">) {
  const { body } = await fetchWithin(address, { ...within, accept: "image/*", maxBytes: IMAGE_BYTES });
  return (await prepareImage(body)).thumbnail;
}

/** What a page does wrong is no error of the app's: then there is nothing to show. */
async function orNothing<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted === true) throw new SottoError("aborted");
    if (error instanceof SottoError && error.code === "mediaToolMissing") throw error;
    return undefined;
  }
}

/** Cut to so many bytes of UTF-8, at a character. */
function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text).subarray(0, maxBytes - 3);
  return `${new TextDecoder().decode(bytes).replace(/\ufffd+$/, "")}…`;
}
