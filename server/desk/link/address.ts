/** Where a relay's WebSocket and its HTTP are, from the address an operator wrote down. */

/** The path of every relay's WebSocket. */
const PATH = "/v1";

/** The WebSocket address of a relay that was given as `http(s)://host[:port]/`. */
export function socketAddress(relay: string): string {
  const url = new URL(relay);
  return `${url.protocol === "https:" ? "wss" : "ws"}://${url.host}${PATH}`;
}

/** Where a relay hands out the sealed bytes of an attachment. */
export function blobAddress(relay: string, blobId: string): string {
  return `${new URL(relay).origin}${PATH}/blobs/${blobId}`;
}
