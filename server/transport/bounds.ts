/** What both transports keep to beside `ListenOptions`: above all bounds, so that a socket nobody serves cannot stay. */

/** From the connect to a whole HTTP request, and between two of them. uWebSockets.js has the same 10 s built in. */
export const REQUEST_MS = 10_000;

/** All header lines of a request; more is answered 431. uWebSockets.js has the same 4 KiB built in. */
export const MAX_HEADER_BYTES = 4_096;

/**
 * A message this much longer than `maxMessageBytes` is still read, so that its sender gets 1009; beyond it uWebSockets.js
 * ends the socket without a close frame, and nothing more is buffered.
 */
export const TOO_LONG_SLACK_BYTES = 65_536;

/**
 * How long a socket that we closed may take to read the rest, answer and go, before it is cut off. uWebSockets.js has 16 s
 * without progress built in.
 */
export const LINGER_MS = 16_000;

/** How long `Listening.close` leaves to the sockets it closed: on most networks enough for the close frame to arrive. */
export const CLOSE_GRACE_MS = 250;

/** Sockets that are not WebSockets (yet), beyond `maxConnections` of them: room for health checks on a full relay. */
export const SPARE_HTTP_SOCKETS = 64;

/** Why `listen` rejects. */
export function cannotListen({ host, port }: { host: string; port: number }, cause?: unknown): Error {
  return new Error(`Cannot listen on ${host}:${port}: the port is taken, or not yours to take.`, { cause });
}

/** A close reason as RFC 6455 §5.5 bounds it: at most 123 bytes of UTF-8. */
export function closeReason(reason: string): string {
  // Three bytes is the most UTF-8 takes for one unit of a JavaScript string.
  return reason.length <= 41 || Buffer.byteLength(reason) <= 123 ? reason : reason.slice(0, 41).toWellFormed();
}
