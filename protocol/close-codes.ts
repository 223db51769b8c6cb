/** Why a socket was closed, as WebSocket close codes of the private range (RFC 6455 §7.4.2). */

/** Every close code, by meaning. */
export const closeCodes = {
  badFrame: 4400,
  unauthenticated: 4401,
  revoked: 4403,
  silent: 4408,
  displaced: 4409,
  notReading: 4413,
  flooding: 4429,
  internal: 4500,
  unavailable: 4503,
} as const;

/** The name of a close code. */
export type CloseReason = keyof typeof closeCodes;

/** What each close code says, and what to do about it. */
export const closeMeanings: Readonly<Record<CloseReason, string>> = {
  badFrame: "A frame broke the protocol. Connecting again will not help; one side must be updated.",
  unauthenticated: "The greeting failed, or the device must authenticate anew.",
  revoked: "The account or device was removed. Do not connect again with these keys.",
  silent: "No valid frame came in time: greeting or heartbeat. Connect again.",
  displaced: "A newer connection of the same device took over. Do not connect again by yourself.",
  notReading: "The peer does not read what it is sent. Connect again; nothing unacknowledged is lost.",
  flooding: "Too many requests, or too many unanswered at once. Connect again later, and slower.",
  internal: "A bug of the relay. Connect again later.",
  unavailable: "The relay is full, starting or draining. Connect again later.",
};
