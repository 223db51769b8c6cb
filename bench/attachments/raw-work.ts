/**
 * The least a program can do to have a file sealed on a server and opened again: AES-GCM of WebCrypto over 64 KiB chunks, and
 * one request each way. Prints two lines of JSON, one when the upload is stored and one when the download was opened.
 *
 *   raw-work.ts <port> <file>
 */

import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";

const CHUNK_BYTES = 65_536;
const TAG_BYTES = 16;
/** Chunks being sealed or opened at a time. */
const AHEAD = 16;

const [port, path] = process.argv.slice(2);
if (path === undefined) throw new Error("raw-work.ts <port> <file>");
const size = statSync(path).size;
const sealedSize = size + Math.ceil(size / CHUNK_BYTES) * TAG_BYTES;
const { subtle } = globalThis.crypto;
const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);

function nonceOf(index: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(7, index);
  return nonce;
}

/** Runs work on pieces in order, several ahead. */
async function* ahead<T, U>(
  pieces: AsyncIterable<T>,
  work: (piece: T, index: number) => Promise<U>,
): AsyncGenerator<U> {
  const running: Promise<U>[] = [];
  let index = 0;
  for await (const piece of pieces) {
    running.push(work(piece, index));
    index += 1;
    if (running.length >= AHEAD) yield (await running.shift()) as U;
  }
  for (const last of running) yield await last;
}

/** Pieces of exactly so many bytes, but the last. */
async function* exactly(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(bytes);
  let at = 0;
  for await (const part of source) {
    for (let from = 0; from < part.length; ) {
      const taken = part.subarray(from, from + bytes - at);
      piece.set(taken, at);
      at += taken.length;
      from += taken.length;
      if (at < bytes) continue;
      yield piece;
      piece = new Uint8Array(bytes);
      at = 0;
    }
  }
  if (at > 0) yield piece.subarray(0, at);
}

async function measured(work: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  await work();
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const clientCpuMsPerMb = (user + system) / 1_000 / (size / 1e6);
  process.stdout.write(`${JSON.stringify({ mbPerSecond: size / 1e6 / seconds, clientCpuMsPerMb })}\n`);
}

await measured(async () => {
  const headers = { "content-length": `${sealedSize}` };
  const sending = request({ host: "127.0.0.1", port, path: "/file", method: "POST", headers });
  const answered = once(sending, "response") as Promise<[IncomingMessage]>;
  const chunks = exactly(createReadStream(path, { highWaterMark: 1_048_576 }), CHUNK_BYTES);
  const seal = (chunk: Uint8Array<ArrayBuffer>, index: number) =>
    subtle.encrypt({ name: "AES-GCM", iv: nonceOf(index) }, key, chunk);
  for await (const sealed of ahead(chunks, seal)) {
    if (!sending.write(new Uint8Array(sealed))) await once(sending, "drain");
  }
  sending.end();
  const [response] = await answered;
  response.resume();
  await once(response, "end");
});

await measured(async () => {
  const asking = request({ host: "127.0.0.1", port, path: "/file" });
  asking.end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  const open = (sealed: Uint8Array<ArrayBuffer>, index: number) =>
    subtle.decrypt({ name: "AES-GCM", iv: nonceOf(index) }, key, sealed);
  let bytes = 0;
  for await (const plain of ahead(exactly(response, CHUNK_BYTES + TAG_BYTES), open)) bytes += plain.byteLength;
  if (bytes !== size) throw new Error("not all came back");
});
