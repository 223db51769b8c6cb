/** Safety numbers: what two people compare to know that nobody stands between them. */

import { accountIdToBytes } from "@sotto/protocol";
import type { Engine } from "../../core/ports.js";
import { type Libsignal, plain } from "./library.js";
import { parsed } from "./refusal.js";

/** Hashes per side: makes searching for a look-alike key cost that much more. */
const ITERATIONS = 5_200;
/** Version 2: identifiers are the account's 16 bytes. */
const VERSION = 2;

/** The part of the engine that compares identities. */
export function safetyNumbersOf(lib: Libsignal): Pick<Engine, "safetyNumber" | "compareScanned"> {
  const publicKey = (key: Uint8Array) => parsed("malformed", () => lib.PublicKey.deserialize(plain(key)));
  const scannable = (bytes: Uint8Array) => lib.ScannableFingerprint._fromBuffer(plain(bytes));

  return {
    safetyNumber(own, peer) {
      const fingerprint = lib.Fingerprint.new(
        ITERATIONS,
        VERSION,
        accountIdToBytes(own.account),
        publicKey(own.identityKey),
        accountIdToBytes(peer.account),
        publicKey(peer.identityKey),
      );
      return {
        digits: fingerprint.displayableFingerprint().toString(),
        scannable: fingerprint.scannableFingerprint().toBuffer(),
      };
    },

    compareScanned(mine, scanned) {
      try {
        return scannable(mine).compare(scannable(scanned));
      } catch {
        // Another version, or not a safety number at all: a camera reads anything.
        return false;
      }
    },
  };
}
