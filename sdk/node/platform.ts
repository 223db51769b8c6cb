/** What Node and Electron offer to the core. */

import { useHmac, useSha256 } from "@sotto/protocol";
import type { Log, Platform } from "../core/ports.js";
import { libsignalEngine } from "../engine/libsignal.js";
import { aesGcm } from "./aes-gcm.js";
import { chunkKey } from "./chunk-key.js";
import { systemClock } from "./clock.js";
import { ed25519 } from "./ed25519.js";
import { openFile } from "./file.js";
import { hmacSha256, sha256OfText } from "./hmac.js";
import { http } from "./http.js";
import { mediaTools } from "./media.js";
import { systemRandom } from "./random.js";
import { sha256 } from "./sha256.js";
import { dial } from "./socket.js";

useHmac(hmacSha256);
useSha256(sha256OfText);

/** One line on standard error for what someone should look at; success is silent. */
const logTrouble: Log = (level, event, fields = {}) => {
  if (level !== "info") process.stderr.write(`sotto: ${level}: ${event} ${JSON.stringify(fields)}\n`);
};

/** The platform of `@sotto/sdk/node`: the native engine, `ws` sockets, Node's crypto, HTTP, files and clock. */
export const nodePlatform: Platform = {
  name: "node",
  engine: libsignalEngine,
  cipher: aesGcm,
  deviceKeys: ed25519,
  dial,
  clock: systemClock,
  random: systemRandom,
  log: logTrouble,
  chunkKey,
  sha256,
  http,
  openFile,
  media: mediaTools,
};
