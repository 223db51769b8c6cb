/** Loading of the native library, and the types of its bytes. */

import { SottoError } from "@sotto/protocol";

/** The public API of `@signalapp/libsignal-client`. */
export type Libsignal = typeof import("@signalapp/libsignal-client");

/**
 * Loads the native library; it is an optional peer, so it may be absent.
 *
 * @throws engineMissing if it is not installed, or installed for another platform.
 */
export async function loadLibsignal(): Promise<Libsignal> {
  try {
    return await import("@signalapp/libsignal-client");
  } catch (cause) {
    throw new SottoError("engineMissing", {
      detail: isAbsent(cause) ? "libsignal is not installed" : "libsignal is installed but does not load here",
      cause,
    });
  }
}

/** The bytes as the library's types want them: not shared between threads. Copies only what is. */
export function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return isPlain(bytes) ? bytes : new Uint8Array(bytes);
}

function isPlain(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
}
