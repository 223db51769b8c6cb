/** The relay's rules, as the composition root sees them. */

export { UPLOADS_PATH } from "./attachments/uploads.js";
export { createRelay, type Relay } from "./relay.js";
