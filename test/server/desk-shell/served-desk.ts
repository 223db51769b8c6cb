/** A desk under test whose console is really served, and calls of its interface. */

import { request } from "node:http";
import { openConsole } from "../../../server/desk/http/console.js";
import { systemClock } from "../../../server/ops/system.js";
import { openDesk, type TestDesk } from "../desk/desk-of.js";
import { collectedLog } from "../ops/collected-log.js";

/** A served desk. */
export interface ServedTestDesk {
  readonly test: TestDesk;
  readonly url: string;
  readonly log: ReturnType<typeof collectedLog>;
  get(path: string, token?: string): Promise<Response>;
  post(path: string, body: unknown, token?: string): Promise<Response>;
  /** A request whose path and headers no client library makes safe. */
  raw(
    path: string,
    headers?: Readonly<Record<string, string>>,
    method?: string,
  ): Promise<{ status: number; body: string }>;
  close(): Promise<void>;
}

/** Opens a desk and serves it on a free port. Blobs are fetched from `blobsAt`. */
export async function serveDesk(blobsAt = "http://127.0.0.1:9"): Promise<ServedTestDesk> {
  const test = await openDesk();
  const log = collectedLog();
  const { url, close } = await openConsole({
    service: test.desk,
    host: "127.0.0.1",
    port: 0,
    publicHost: undefined,
    peer: "socket",
    clock: systemClock,
    log,
    blobs: (id) => `${blobsAt}/v1/blobs/${id}`,
  });
  const bearer = (token: string | undefined) => (token === undefined ? {} : { authorization: `Bearer ${token}` });
  return {
    test,
    url,
    log,
    close,
    get: (path, token) => fetch(`${url}${path}`, { headers: bearer(token) }),
    post: (path, body, token) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(token) },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    raw(path, headers = {}, method = "GET") {
      const { hostname, port } = new URL(url);
      return new Promise((resolve, reject) => {
        const call = request({ hostname, port, path, method, headers }, (response) => {
          let body = "";
          response.setEncoding("utf8").on("data", (text: string) => {
            body += text;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        });
        call.on("error", reject);
        call.end();
      });
    },
  };
}
