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

/** How long a body's sender may send nothing that is waited for, and the taker of a streamed answer take nothing. */
const BODY_STALL_MS = 30_000;

/**
 * The slowest peer of a body or a streamed answer, over any time longer than `BODY_STALL_MS`: a byte now and then must not
 * hold a socket. An answer's progress is seen in steps of what the kernel buffers, so that its taker has to be somewhat faster.
 */
const MIN_BYTES_PER_SECOND = 1_024;

/**
 * How long the rest of a body is read and thrown away behind an answer that did not wait for it. Without that the system
 * would reset the connection, and many a client would see the reset and not the answer (RFC 9112 §9.6).
 */
const LEFT_BODY_MS = 5_000;

/** Bodies and streamed answers at a time, so that they leave sockets and memory to the rest; more are answered 503. */
const MAX_TRANSFERS = 512;

/**
 * With so much of all bodies in memory no socket is read on. It is passed by what one socket brings at once: 64 KiB on
 * node:http. uWebSockets.js minds a pause only when it has read the socket empty, which is all that the kernel keeps of it
 * (6 MiB by Linux's preset of `tcp_rmem`), and more from a peer on the same machine that refills it as fast.
 */
const MAX_WAITING_BYTES = 32 * 1_048_576;

/** What one body may leave in memory so; one that brings more is broken off, and may go on behind what was taken. */
const MAX_WAITING_BYTES_EACH = 64 * 1_048_576;

/**
 * And all of them: hundreds of bodies from a proxy on the same machine, which sends each as fast as we read, would else come
 * to gigabytes. Beyond it each body may still leave the one piece that comes in.
 */
const MAX_WAITING_BYTES_ALL = 256 * 1_048_576;

/** What keeps bodies and streamed answers from holding sockets and memory. */
export interface TransferBounds {
  readonly stallMs: number;
  readonly minBytesPerSecond: number;
  readonly leftBodyMs: number;
  readonly maxTransfers: number;
  readonly maxWaitingBytes: number;
  readonly maxWaitingBytesEach: number;
  readonly maxWaitingBytesAll: number;
}

/** The bounds of a relay; tests bring shorter ones. */
export const transferBounds: TransferBounds = {
  stallMs: BODY_STALL_MS,
  minBytesPerSecond: MIN_BYTES_PER_SECOND,
  leftBodyMs: LEFT_BODY_MS,
  maxTransfers: MAX_TRANSFERS,
  maxWaitingBytes: MAX_WAITING_BYTES,
  maxWaitingBytesEach: MAX_WAITING_BYTES_EACH,
  maxWaitingBytesAll: MAX_WAITING_BYTES_ALL,
};

/** Why `listen` rejects. */
export function cannotListen({ host, port }: { host: string; port: number }, cause?: unknown): Error {
  return new Error(`Cannot listen on ${host}:${port}: the port is taken, or not yours to take.`, { cause });
}

/** A close reason as RFC 6455 §5.5 bounds it: at most 123 bytes of UTF-8. */
export function closeReason(reason: string): string {
  // Three bytes is the most UTF-8 takes for one unit of a JavaScript string.
  return reason.length <= 41 || Buffer.byteLength(reason) <= 123 ? reason : reason.slice(0, 41).toWellFormed();
}
