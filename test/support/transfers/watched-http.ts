/** The HTTP of a client, watched: where transfers begin and go on, and what was sealed under which nonce. */

import { AsyncLocalStorage } from "node:async_hooks";
import { sealedAttachmentSize, sealedChunkOffset } from "@sotto/protocol";
import type { Platform } from "@sotto/sdk";
import { chunkAt, plainBytesIn } from "../../../sdk/core/attachments/seal.js";
import type { FromClient, Way } from "./lines.js";

/** The transfer on whose behalf something is asked. */
export interface Asker {
  readonly way: Way;
  readonly file: number;
  readonly sizeBytes: number;
  /** How it stands in this life. */
  state: "fresh" | "asked" | "lost";
}

/** Carries the transfer from where it is begun to its requests. */
export const askers = new AsyncLocalStorage<Asker>();

type Http = Platform["http"];

const TAG_BYTES = 16;

/** Tells what is asked, before it is. */
export function watchedHttp(http: Http, tell: (line: FromClient) => void): Http {
  return (ask) => {
    const asker = askers.getStore();
    if (asker !== undefined) {
      const { method, headers } = ask;
      const sealedAt =
        method === "PATCH" ? Number(headers["upload-offset"]) : Number(/\d+/.exec(headers.range ?? "")?.[0] ?? 0);
      if (method === "HEAD" && asker.state === "asked") asker.state = "lost";
      if (method === "PATCH" && ask.body !== undefined) {
        tell({ kind: "sealed", upload: ask.url.slice(-32), tags: tagsOf(ask.body, sealedAt, asker.sizeBytes) });
        tellAsked(asker, ask.url, sealedAt, tell);
      }
      if (method === "GET") {
        if (asker.state === "asked") asker.state = "lost";
        tellAsked(asker, ask.url, sealedAt, tell);
      }
    }
    return http(ask);
  };
}

function tellAsked(asker: Asker, url: string, sealedAt: number, tell: (line: FromClient) => void): void {
  const { way, file, sizeBytes } = asker;
  const when = asker.state === "fresh" ? "first" : asker.state === "lost" ? "again" : "onward";
  asker.state = "asked";
  tell({ kind: "asked", way, file, blob: url.slice(-32), at: plainBytesIn(sealedAt, sizeBytes), when });
}

/** The tags of the chunks that end in a part. A tag says which plaintext met which nonce under the upload's key. */
function tagsOf(body: Uint8Array, from: number, sizeBytes: number): readonly (readonly [number, string])[] {
  const tags: [number, string][] = [];
  const until = from + body.length;
  for (let chunk = chunkAt(from); sealedChunkOffset(chunk) < until; chunk++) {
    const end = Math.min(sealedChunkOffset(chunk + 1), sealedAttachmentSize(sizeBytes));
    if (end > until || end - TAG_BYTES < from) continue;
    tags.push([chunk, Buffer.from(body.subarray(end - TAG_BYTES - from, end - from)).toString("hex")]);
  }
  return tags;
}
