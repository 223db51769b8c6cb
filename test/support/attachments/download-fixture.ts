/** Downloads with everything around them in a test's hands. */

import { createHash, randomBytes } from "node:crypto";
import type { BlobReference, FailureCode } from "@sotto/protocol";
import {
  type DownloadOptions,
  type DownloadParts,
  downloadAttachment,
} from "../../../sdk/core/attachments/download.js";
import type { Clock } from "../../../sdk/core/ports.js";
import { chunkKey } from "../../../sdk/node/chunk-key.js";
import { systemClock } from "../../../sdk/node/clock.js";
import { systemRandom } from "../../../sdk/node/random.js";
import { sha256 } from "../../../sdk/node/sha256.js";
import { type Claim, sealBlob } from "./independent.js";
import type { ScriptedRelay } from "./scripted-relay.js";

/** The parts of a download from a scripted relay. */
export function downloadParts(relay: ScriptedRelay, clock: Clock = systemClock): DownloadParts {
  return {
    http: relay.http,
    clock,
    random: systemRandom,
    address: "http://relay.test/v1",
    chunkKey,
    sha256,
    log: () => undefined,
  };
}

/** A reference to a blob, as a content that says this would make it. */
export function referenceTo(claim: Claim): BlobReference {
  return { id: new Uint8Array(16).fill(0xab), ...claim };
}

/** Random bytes, their blob, and a reference to it. */
export function attachmentOf(sizeBytes: number): {
  readonly plaintext: Uint8Array;
  readonly blob: Uint8Array;
  readonly reference: BlobReference;
} {
  const plaintext = randomBytes(sizeBytes);
  const key = randomBytes(32);
  const digest = createHash("sha256").update(plaintext).digest();
  return { plaintext, blob: sealBlob(key, plaintext), reference: referenceTo({ sizeBytes, key, digest }) };
}

/** Everything that a download gave out, and how it ended. */
export async function downloaded(
  parts: DownloadParts,
  reference: BlobReference,
  options: DownloadOptions = {},
): Promise<{ readonly released: Buffer; readonly failure: FailureCode | undefined }> {
  const pieces: Uint8Array[] = [];
  const released = () => Buffer.concat(pieces);
  try {
    for await (const piece of downloadAttachment(parts, reference, options)) pieces.push(piece);
    return { released: released(), failure: undefined };
  } catch (error) {
    const { code } = error as { code?: FailureCode };
    if (code === undefined) throw error;
    return { released: released(), failure: code };
  }
}
