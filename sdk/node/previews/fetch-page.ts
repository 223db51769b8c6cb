/** Fetches one thing from the web within bounds: of size, of time, of redirects, and of where it may go. */

import { lookup } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./public-address.js";

/** What is fetched, and how much of it. */
export interface Fetching {
  readonly accept: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Whether an address may be asked. */
  readonly mayAsk: (address: string) => boolean;
}

/** What came: of a body longer than allowed, as much as is allowed. */
export interface Fetched {
  /** Where it was in the end. */
  readonly url: URL;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const MAX_REDIRECTS = 3;

/** The web's own addresses only, unless said otherwise. */
export const publicOnly = isPublicAddress;

/** Fetches by GET, without cookies and without saying more of itself than that it is a preview. @throws Error, for whatever reason. */
export async function fetchWithin(address: URL, fetching: Fetching): Promise<Fetched> {
  let url = address;
  for (let redirects = 0; ; redirects++) {
    const response = await ask(url, fetching);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      response.destroy();
      if (redirects === MAX_REDIRECTS) throw new Error("too many redirects");
      url = new URL(headers.location, url);
      continue;
    }
    if (statusCode !== 200) {
      response.destroy();
      throw new Error(`answered ${statusCode}`);
    }
    return { url, contentType: headers["content-type"] ?? "", body: await bodyOf(response, fetching.maxBytes) };
  }
}

function ask(url: URL, { accept, signal, mayAsk }: Fetching): Promise<IncomingMessage> {
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error("neither http nor https");
  if (url.username !== "" || url.password !== "") throw new Error("an address with a login");
  // A name is checked where it is looked up, so that the address that was checked is the one that is asked.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !mayAsk(host)) throw new Error("an address that may not be asked");
  const headers = { accept, "user-agent": "sotto-link-preview", "accept-language": "*" };
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, signal, headers, maxHeaderSize: 16_384, lookup: checkedLookup(mayAsk) });
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end();
  });
}

/** Node's own look-up, which answers only addresses that may be asked. */
function checkedLookup(mayAsk: Fetching["mayAsk"]): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      const allowed = addresses.filter(({ address }) => mayAsk(address));
      const [first] = allowed;
      if (first === undefined) return callback(new Error("a name whose addresses may not be asked"), "", 0);
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let left = maxBytes;
  for await (const piece of response as AsyncIterable<Uint8Array>) {
    pieces.push(piece.subarray(0, left));
    left -= piece.length;
    if (left <= 0) break;
  }
  return new Uint8Array(Buffer.concat(pieces));
}
