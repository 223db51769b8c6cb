/** Wires attachments: uploads and downloads by HTTP, beside the connections. */

import { Attachments } from "../attachments/attachments.js";
import { Uploads } from "../attachments/uploads.js";
import { httpAddress } from "../link/address.js";
import type { AttachmentsRoom, Ground, LinkRoom } from "./parts.js";

/** The room of attachments. */
export function wireAttachments({ platform, options, store, relay }: Ground & LinkRoom): AttachmentsRoom {
  const { clock, random, log, http, chunkKey, sha256, openFile, media } = platform;
  const shared = { clock, random, log, http, chunkKey, sha256, address: httpAddress(options.url) };
  const uploads = new Uploads({ ...shared, store, link: relay.device });
  return { uploads, attachments: new Attachments({ ...shared, openFile, media, uploads }) };
}
