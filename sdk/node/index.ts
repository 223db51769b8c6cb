/** Sotto for Node and Electron: the native engine, a LevelDB store, and the same API as everywhere. */

import {
  type Client,
  type ClientOptions,
  createClient as createPortableClient,
  type LinkOptions,
  linkDevice as linkPortableDevice,
} from "../core/index.js";
import { nodePlatform } from "./platform.js";

export { parseAccountId, parseConversationId, parseDeviceId, parseMessageId, SottoError } from "@sotto/protocol";
export * from "../core/index.js";
export { levelStore } from "./level-store.js";
export { nodePlatform } from "./platform.js";
export { type PreviewOptions, previewLink, type Uploading } from "./previews/link-preview.js";
export { safeFileName } from "./safe-file-name.js";
export { type Downloading, type SaveOptions, saveAttachment } from "./save-attachment.js";
export type { KeyChoice } from "./store-key.js";

/**
 * Opens or registers an account's device on this machine and answers its client.
 *
 * @throws everything the core's `createClient` names; engineMissing if libsignal is not installed.
 */
export function createClient(options: ClientOptions): Promise<Client> {
  return createPortableClient(nodePlatform, options);
}

/**
 * Makes this machine a further device of the account whose other device shows the link, and answers its client.
 *
 * @throws everything the core's `linkDevice` names; engineMissing if libsignal is not installed.
 */
export function linkDevice(uri: string, options: LinkOptions): Promise<Client> {
  return linkPortableDevice(nodePlatform, uri, options);
}
