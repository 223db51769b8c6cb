/** Where a relay's WebSocket and its HTTP are, from the address an app wrote down. */

import { SottoError } from "@sotto/protocol";

/** The path of every relay's WebSocket; it changes with the protocol version. */
const PATH = "/v1";
const ADDRESS = /^(https?|wss?):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:\\[\]]+)(?::(\d{1,5}))?\/?$/i;
const LOOPBACK = /^(?:localhost|(?:.+\.)?localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

/** Where a connection without TLS is allowed: to this machine only, or `anywhere` (a private network the operator trusts). */
export type Plaintext = "loopbackOnly" | "anywhere";

/**
 * The WebSocket address of a relay given as `http(s)://host[:port]` or `ws(s)://host[:port]`.
 *
 * Without TLS only loopback is allowed unless the app says otherwise: the content stays encrypted, but everybody on the
 * way would read who connects, which device it is and how much it sends, and could hold mail back unseen.
 *
 * @throws invalidArgument for any other form, a path, or an address without TLS where that is not allowed.
 */
export function relayAddress(relay: string, plaintext: Plaintext = "loopbackOnly"): string {
  const [, scheme, host, port] = ADDRESS.exec(relay) ?? [];
  if (scheme === undefined || host === undefined) {
    throw new SottoError("invalidArgument", { detail: "relay is written https://host or https://host:port" });
  }
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    throw new SottoError("invalidArgument", { detail: "the relay's port is a number from 1 to 65535" });
  }
  const isEncrypted = /^(?:https|wss)$/i.test(scheme);
  if (!isEncrypted && plaintext === "loopbackOnly" && !LOOPBACK.test(host.toLowerCase())) {
    throw new SottoError("invalidArgument", {
      detail: "the relay's address starts with https:// except on this machine",
    });
  }
  return `${isEncrypted ? "wss" : "ws"}://${host}${port === undefined ? "" : `:${port}`}${PATH}`;
}

/** Where the HTTP of the relay is whose WebSocket address this is: `http(s)://host[:port]/v1`, encrypted if that one is. */
export function httpAddress(webSocketAddress: string): string {
  return webSocketAddress.replace(/^ws/, "http");
}
