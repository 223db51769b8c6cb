/** Chooses the transport and listens, and says in plain words why it cannot. */

import { limits, sealedAttachmentSize } from "@sotto/protocol";
import { OperatorError } from "../ops/operator-error.js";
import { portProblem } from "../ops/port-probe.js";
import { listenHost, type Settings } from "../ops/settings.js";
import type { Listening, Log, Transport, TransportHandlers } from "../ports.js";
import { UPLOADS_PATH } from "../relay/index.js";
import { chooseTransport } from "../transport/index.js";

/** The path of the WebSocket. */
const SOCKET_PATH = "/v1";
/** A full window of deliveries (128 of 96 KiB) and some answers fit; a peer that leaves more unread does not read. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;

/**
 * The transport the settings ask for.
 *
 * @throws OperatorError if one was asked for by name and does not load.
 */
export async function openTransport(settings: Settings, log: Log): Promise<Transport> {
  try {
    return await chooseTransport({ log, preference: settings.transport });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/\.$/, "") : "the transport does not load";
    throw new OperatorError(`${why}. Set SOTTO_TRANSPORT=auto to fall back to the portable transport.`, 1, { cause });
  }
}

/**
 * Listens on the host and port of the settings.
 *
 * The port is probed first: a socket server that shares ports would let two relays take turns on one.
 *
 * @throws OperatorError if the port is taken or not allowed.
 */
export async function openSocket(
  transport: Transport,
  settings: Settings,
  handlers: TransportHandlers,
): Promise<Listening> {
  const host = listenHost(settings);
  const problem = await portProblem(host, settings.port);
  if (problem !== undefined) throw new OperatorError(problem);
  const options = {
    host,
    port: settings.port,
    path: SOCKET_PATH,
    maxMessageBytes: limits.frameBytes.value,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
    maxConnections: settings.maxConnections,
    peerAddress: settings.trustProxy ? "forwarded" : "socket",
    allowedOrigins: settings.allowedOrigins,
    bodies: [{ prefix: UPLOADS_PATH, maxBytes: sealedAttachmentSize(settings.attachmentBytes) }],
  } as const;
  try {
    return await transport.listen(options, handlers);
  } catch (cause) {
    const why = (await portProblem(host, settings.port)) ?? `Port ${settings.port} cannot be listened on.`;
    throw new OperatorError(why, 1, { cause });
  }
}

/** The host clients on this machine use for an address the relay listens on. */
export function urlHost(host: string): string {
  if (["0.0.0.0", "::", "127.0.0.1", "::1"].includes(host)) return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
