/**
 * The yardstick for transfers: uWebSockets.js that takes one body into a file and hands it out again. No login, no resuming,
 * no checks, nothing synced.
 *
 *   static-server.ts --data <folder>      prints `{"port": …}`; POST and GET /file
 */

import { type FileHandle, open } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** Bytes that may wait for the disk before the peer is not read on. */
const WAITING_BYTES = 1_048_576;
const READ_BYTES = 262_144;

interface Response {
  onData(work: (piece: ArrayBuffer, isLast: boolean) => void): void;
  onAborted(work: () => void): void;
  onWritable(work: (offset: number) => boolean): void;
  tryEnd(part: Uint8Array, totalBytes: number): readonly [boolean, boolean];
  getWriteOffset(): number;
  pause(): void;
  resume(): void;
  cork(work: () => void): void;
  end(body: string): void;
}

interface App {
  post(path: string, work: (response: Response) => void): App;
  get(path: string, work: (response: Response) => void): App;
  listen(host: string, port: number, listening: (token: unknown) => void): App;
}

interface Uws {
  App(): App;
  us_socket_local_port(token: unknown): number;
}

const { values } = parseArgs({ options: { data: { type: "string" } } });
if (values.data === undefined) throw new Error("--data names a folder");
const path = join(values.data, "file");

function take(response: Response): void {
  let file: FileHandle | undefined;
  let at = 0;
  let waiting = 0;
  let isPaused = false;
  let tail: Promise<void> = open(path, "w").then((opened) => {
    file = opened;
  });
  response.onAborted(() => {
    throw new Error("the bench's own peer went");
  });
  response.onData((piece, isLast) => {
    const bytes = new Uint8Array(piece.slice(0));
    waiting += bytes.length;
    if (waiting > WAITING_BYTES && !isPaused) {
      isPaused = true;
      response.pause();
    }
    const position = at;
    at += bytes.length;
    tail = tail.then(async () => {
      await file?.write(bytes, 0, bytes.length, position);
      waiting -= bytes.length;
      if (isPaused && waiting < WAITING_BYTES / 2) {
        isPaused = false;
        response.resume();
      }
    });
    if (!isLast) return;
    tail.then(async () => {
      await file?.close();
      response.cork(() => response.end("stored"));
    });
  });
}

async function handOut(response: Response): Promise<void> {
  const file = await open(path, "r");
  const { size } = await file.stat();
  for (let at = 0; at < size; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at);
    const piece = buffer.subarray(0, bytesRead);
    await sent(response, piece, size);
    at += bytesRead;
  }
  await file.close();
}

function sent(response: Response, piece: Uint8Array, size: number): Promise<void> {
  return new Promise((resolve) => {
    const begin = response.getWriteOffset();
    const offer = () => {
      let isFree = false;
      response.cork(() => {
        [isFree] = response.tryEnd(piece.subarray(response.getWriteOffset() - begin), size);
      });
      if (isFree) resolve();
      return isFree;
    };
    if (!offer()) response.onWritable(offer);
  });
}

const major = process.versions.node.split(".")[0];
const uws = createRequire(import.meta.url)(`@uwsjs/${process.platform}-${process.arch}-${major}`) as Uws;
uws
  .App()
  .post("/file", take)
  .get("/file", (response) => {
    response.onAborted(() => undefined);
    void handOut(response);
  })
  .listen("127.0.0.1", 0, (token) => {
    if (token === false) throw new Error("uWebSockets.js could not listen");
    process.stdout.write(`${JSON.stringify({ port: uws.us_socket_local_port(token) })}\n`);
  });
