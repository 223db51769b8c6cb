/** A relay's uploads in memory, as tus has them, with the fate of every request in a test's hands. */

import { randomBytes } from "node:crypto";
import { blobIdOf, fromHex, SottoError, toHex } from "@sotto/protocol";
import type { Http, HttpAnswer, HttpAsk } from "../../../../sdk/core/ports.js";

/** Where the relay of these tests is said to be. */
export const ADDRESS = "http://relay.test/v1";
/** When its blobs expire. */
export const EXPIRES_MS = 4_102_444_800_000;

/** What becomes of a request: `cut` keeps so many bytes of the body and loses the line, `lost` does all and loses the answer. */
export type Fate =
  | { readonly kind: "served" }
  | { readonly kind: "unreachable" }
  | { readonly kind: "cut"; readonly keep: number }
  | { readonly kind: "lost" }
  | { readonly kind: "answered"; readonly status: number; readonly headers?: Readonly<Record<string, string>> };

interface Kept {
  readonly length: number;
  bytes: Buffer;
}

/** A relay's uploads, as tus has them. */
export class TusRelay {
  readonly uploads = new Map<string, Kept>();
  readonly asks: HttpAsk[] = [];
  readonly granted: number[] = [];
  private readonly tokens = new Map<string, number>();
  /** Decides what becomes of each request, by its number from 1 among those of its method. */
  fate: (ask: HttpAsk, number: number) => Fate | Promise<Fate> = () => ({ kind: "served" });

  /** The device's connection. */
  readonly link = {
    request: async ({ bytes }: { readonly bytes: number }) => {
      const token = new Uint8Array(randomBytes(16));
      this.granted.push(bytes);
      this.tokens.set(toHex(token), bytes);
      return { type: "uploadGranted", id: 1, token, expiresMs: EXPIRES_MS } as const;
    },
  };

  readonly http: Http = async (ask) => {
    this.asks.push(ask);
    const fate = await this.fate(ask, this.count(ask.method));
    if (ask.signal?.aborted === true) throw new SottoError("aborted");
    switch (fate.kind) {
      case "unreachable":
        throw new Error("connection refused");
      case "cut":
        this.serve({ ...ask, body: ask.body?.subarray(0, fate.keep) });
        throw new Error("connection reset");
      case "lost":
        this.serve(ask);
        throw new Error("connection reset");
      case "answered":
        return answer(fate.status, fate.headers ?? {});
      case "served":
        return this.serve(ask);
    }
  };

  /** How many requests of a method came. */
  count(method: HttpAsk["method"]): number {
    return this.asks.filter((ask) => ask.method === method).length;
  }

  /** The bytes of the upload that became a blob. */
  blob(id: Uint8Array): Buffer | undefined {
    for (const [name, { bytes, length }] of this.uploads)
      if (toHex(blobIdOf(fromHex(name))) === toHex(id) && bytes.length === length) return bytes;
    return undefined;
  }

  private serve({ method, url, headers, body }: HttpAsk): HttpAnswer {
    if (method === "POST") return this.create(headers);
    const name = url.slice(`${ADDRESS}/uploads/`.length);
    const upload = this.uploads.get(name);
    if (upload === undefined) return answer(404, {});
    const at = () => ({
      "upload-offset": `${upload.bytes.length}`,
      "upload-expires": new Date(EXPIRES_MS).toUTCString(),
    });
    if (method === "HEAD") return answer(200, { ...at(), "upload-length": `${upload.length}` });
    if (method === "DELETE") {
      this.uploads.delete(name);
      return answer(204, {});
    }
    if (Number(headers["upload-offset"]) !== upload.bytes.length) return answer(409, {});
    upload.bytes = Buffer.concat([upload.bytes, body ?? new Uint8Array(0)]);
    return answer(204, at());
  }

  private create(headers: HttpAsk["headers"]): HttpAnswer {
    const token = headers.authorization?.slice("Bearer ".length) ?? "";
    if (this.tokens.get(token) !== Number(headers["upload-length"])) return answer(401, {});
    this.tokens.delete(token);
    const name = toHex(randomBytes(16));
    this.uploads.set(name, { length: Number(headers["upload-length"]), bytes: Buffer.alloc(0) });
    return answer(201, { location: `/v1/uploads/${name}`, "upload-expires": new Date(EXPIRES_MS).toUTCString() });
  }
}

/** An answer without a body. */
export function answer(status: number, headers: Readonly<Record<string, string>>): HttpAnswer {
  return {
    status,
    header: (name) => headers[name],
    body: (async function* () {})(),
    cancel: () => undefined,
  };
}
