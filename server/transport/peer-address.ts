/** Where a request came from, in one spelling whichever transport runs, because limiters count by it. */

import { isIP, SocketAddress } from "node:net";

/**
 * The peer's address: the socket's own, or the last `X-Forwarded-For` entry, which is the one our proxy added; what
 * stands before it is the peer's own claim. An entry that is not an address counts as absent.
 */
export function peerAddress(socketAddress: string, forwardedFor: string | undefined): string {
  const last = forwardedFor?.slice(forwardedFor.lastIndexOf(",") + 1).trim();
  return canonical(last !== undefined && isIP(last) !== 0 ? last : socketAddress);
}

/** IPv4 of an IPv4-mapped address, IPv6 in its shortest form, and anything else (a zone, nothing) as it is. */
function canonical(address: string): string {
  if (isIP(address) !== 6 || address.includes("%")) return address;
  const short = new SocketAddress({ address, family: "ipv6" }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(short);
  return mapped?.[1] ?? short;
}
