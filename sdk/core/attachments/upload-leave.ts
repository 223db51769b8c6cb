/** Leave to upload: a token by the device's connection, and the upload that it creates by HTTP. */

import { SottoError } from "@sotto/protocol";
import type { RelayLink } from "../link/relay-link.js";
import type { AbortSignalLike } from "../ports.js";
import type { Patience } from "./patience.js";
import type { Tus } from "./tus.js";

/** Tokens asked for in a row because one is not taken, as when the answer to a creation was lost. */
const MAX_TOKENS = 3;

/** An upload that was created. */
export interface Created {
  readonly uploadId: Uint8Array;
  readonly expiresMs: number | undefined;
}

/** Creates uploads. */
export class UploadLeave {
  constructor(private readonly parts: { readonly link: Pick<RelayLink, "request">; readonly tus: Tus }) {}

  /**
   * Creates an upload of exactly so many bytes.
   *
   * @throws tooLarge, uploadQuota or what else the relay refuses by; what patience throws; aborted; badRelay.
   */
  async obtain(bytes: number, patience: Patience, signal: AbortSignalLike): Promise<Created> {
    for (let tokens = 0; tokens < MAX_TOKENS; tokens++) {
      const created = await this.create(await this.token(bytes, patience, signal), bytes, patience, signal);
      if (created !== undefined) return created;
    }
    throw new SottoError("badRelay", { detail: "leave to upload is worth nothing" });
  }

  private async token(bytes: number, patience: Patience, signal: AbortSignalLike): Promise<Uint8Array> {
    for (;;) {
      try {
        return (await this.parts.link.request({ type: "requestUpload", bytes }, { signal })).token;
      } catch (error) {
        if (!mayPass(error)) throw error;
        await patience.after(error);
      }
    }
  }

  /** `undefined` if the token is not taken. */
  private async create(
    token: Uint8Array,
    bytes: number,
    patience: Patience,
    signal: AbortSignalLike,
  ): Promise<Created | undefined> {
    for (;;) {
      const answer = await this.parts.tus.create(token, bytes, signal);
      switch (answer.kind) {
        case "created":
          return answer;
        case "later":
          await patience.after(answer.error);
          break;
        case "denied":
        case "moved":
          return undefined;
        case "tooLarge":
          throw new SottoError("tooLarge", { detail: "the relay takes no attachment of this size" });
        case "gone":
        case "at":
          throw new SottoError("badRelay", { detail: "the relay takes no uploads where they belong" });
        case "wrong":
          throw new SottoError("badRelay", { detail: answer.detail });
      }
    }
  }
}

/** What passes by itself. A quota does not, within the time that somebody waits for an upload. */
function mayPass(error: unknown): error is SottoError {
  if (!(error instanceof SottoError)) return false;
  return ["offline", "timeout", "busy", "tooManyRequests"].includes(error.code);
}
