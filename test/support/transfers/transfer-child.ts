/** One life of an app that uploads and downloads, in a process of its own, which ends by SIGKILL or by being told to. */

import { access } from "node:fs/promises";
import { createInterface } from "node:readline";
import { type Client, createClient, type UploadSource } from "@sotto/sdk";
import { levelStore, saveAttachment } from "@sotto/sdk/node";
import { eagerPlatform } from "../crash/eager-platform.js";
import { bytesOf, streamOf } from "./content-of.js";
import { watchGrowth } from "./growth.js";
import { type FromClient, kept, referenceOf, type ToClient, type TransferLife, type UploadTask } from "./lines.js";
import { type Asker, askers, watchedHttp } from "./watched-http.js";

/** Transfers of each way at once: more uploads than the SDK makes at once. */
const AT_ONCE = 4;

/** What the SDK says when a dead relay cut an upload of keys short; it makes up for it by itself. */
const CUT_SHORT = "prekeys not published";

const tell = (line: FromClient) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const wrong = (what: string) => tell({ kind: "wrong", what });

const life = JSON.parse(process.argv[2] ?? "") as TransferLife;
const platform = eagerPlatform((event) => {
  if (!event.startsWith(CUT_SHORT)) wrong(event);
});
const client = await createClient(
  { ...platform, http: watchedHttp(platform.http, tell) },
  { relay: life.relay, relayRoot: life.relayRoot, userId: life.userId, store: levelStore(life.store) },
);
tell({ kind: "ready" });
watchGrowth((growth) => tell({ kind: "grown", ...growth }));

/** Runs work a few at a time. */
function lane(): (work: () => Promise<void>) => void {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  const next = () => {
    const work = running < AT_ONCE ? waiting.shift() : undefined;
    if (work === undefined) return;
    running += 1;
    work()
      .catch((error: unknown) => wrong(`${error} ${error instanceof Error ? (error.cause ?? error.stack) : ""}`))
      .finally(() => {
        running -= 1;
        next();
      });
  };
  return (work) => {
    waiting.push(work);
    next();
  };
}

function sourceOf(task: UploadTask): UploadSource {
  switch (task.source) {
    case "path":
      return task.path;
    case "bytes":
      return bytesOf(task);
    case "spooled":
    case "sized":
      return streamOf(task);
  }
}

async function upload(by: Client, task: UploadTask): Promise<void> {
  const { file, sizeBytes, source } = task;
  const asker: Asker = { way: "up", file, sizeBytes, state: "fresh" };
  const name = `${file}`;
  const attachment = await askers.run(asker, () =>
    by.attachments.upload(sourceOf(task), {
      ...{ name, as: "file" },
      ...(source === "spooled" || source === "sized" ? { resume: name } : {}),
      ...(source === "sized" ? { sizeBytes } : {}),
      onProgress: ({ sentBytes }) => tell({ kind: "moved", way: "up", file, bytes: sentBytes }),
    }),
  );
  tell({ kind: "uploaded", file, reference: kept(attachment) });
}

async function download(by: Client, { file, reference, path }: Extract<ToClient, { kind: "download" }>): Promise<void> {
  // What has its name is whole: an earlier life died before it said so.
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const { sizeBytes } = reference;
    const asker: Asker = { way: "down", file, sizeBytes, state: "fresh" };
    await askers.run(asker, () =>
      saveAttachment(by, referenceOf(reference), path, {
        onProgress: ({ receivedBytes }) => tell({ kind: "moved", way: "down", file, bytes: receivedBytes }),
      }),
    );
  }
  tell({ kind: "downloaded", file });
}

const [uploads, downloads] = [lane(), lane()];
createInterface({ input: process.stdin }).on("line", (text) => {
  const line = JSON.parse(text) as ToClient;
  switch (line.kind) {
    case "upload":
      return uploads(() => upload(client, line.task));
    case "download":
      return downloads(() => download(client, line));
    case "end":
      return void end();
  }
});

async function end(): Promise<void> {
  const { length } = await client.attachments.pending();
  await client.close();
  tell({ kind: "ended", pending: length });
  process.stdin.destroy();
}
