/** The desk's rules, for who puts a desk together, checks its log, or tests what it refuses. */

export { type AuditCheck, checkAudit } from "./audit/chain.js";
export { createDesk, type Desk } from "./desk.js";
export { isSoundKey, type SigningKey, signingKeyOf, verifySignature } from "./keys/ed25519.js";
export { type DeskParts, type DeskSettings, type DeskTrouble, defaultDeskSettings } from "./parts.js";
export { signManifest } from "./realm/manifest.js";
export { DEFAULT_STATEMENT } from "./realm/statement.js";
