/** Why a socket was closed, as WebSocket close codes of the private range (RFC 6455 §7.4.2). */

/** Every close code, by meaning. */
export const closeCodes = {
  /** A frame broke the protocol. */
  badFrame: 4400,
  /** The greeting failed, or the device must authenticate anew. */
  unauthenticated: 4401,
  /** The account or device was removed. */
  revoked: 4403,
  /** No valid frame came in time: greeting or heartbeat. */
  silent: 4408,
  /** A newer connection of the same device took over. */
  displaced: 4409,
  /** The peer does not read what it is sent. */
  notReading: 4413,
  /** Too many requests or too many unanswered at once. */
  flooding: 4429,
  /** Our bug. */
  internal: 4500,
  /** The relay is full, starting or draining; connect again later. */
  unavailable: 4503,
} as const;

/** The name of a close code. */
export type CloseReason = keyof typeof closeCodes;
