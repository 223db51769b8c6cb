/** The desk's HTTP server: the console's files, and the interface behind them. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { urlHost } from "../../main-parts/open-socket.js";
import { OperatorError, systemCode } from "../../ops/operator-error.js";
import { isLoopback } from "../../ops/setting-kinds.js";
import type { Clock, Log } from "../../ports.js";
import { peerAddress } from "../../transport/peer-address.js";
import { DeskError } from "../api.js";
import { BlobProxy } from "./blob-proxy.js";
import { Callers } from "./callers.js";
import { type ConsoleFiles, consoleFiles } from "./files.js";
import { pageHeaders, plainHeaders } from "./headers.js";
import { answerInterface, refuse } from "./interface.js";
import type { ServedDesk } from "./routes.js";

/** What the console is served with. */
export interface ConsoleParts {
  readonly service: ServedDesk;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** A name that a proxy in front calls it by, besides those of this machine. */
  readonly publicHost: string | undefined;
  /** Whether a proxy in front names who calls. */
  readonly peer: "socket" | "forwarded";
  readonly clock: Clock;
  readonly log: Log;
  /** Where the relay hands out a blob. */
  blobs(id: string): string;
}

/** A console that listens. */
export interface Console {
  readonly url: string;
  /** Ends what is open. Idempotent. */
  close(): Promise<void>;
}

const HEADERS_MS = 10_000;
const REQUEST_MS = 120_000;
const MAX_SOCKETS = 512;
const MAX_URL = 2_048;

/** Serves the console. @throws OperatorError if the port cannot be listened on. */
export async function openConsole(parts: ConsoleParts): Promise<Console> {
  const { host, port, service, log, clock, peer } = parts;
  const files = await consoleFiles(log);
  const callers = new Callers(clock);
  const blobs = new BlobProxy((id) => parts.blobs(id));
  const server = createServer(
    { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
    (request, response) => {
      const forwarded = peer === "forwarded" ? request.headers["x-forwarded-for"] : undefined;
      const address = peerAddress(
        request.socket.remoteAddress ?? "",
        forwarded === undefined ? undefined : String(forwarded),
      );
      const url = addressOf(request);
      const asked = { request, response, url, address };
      // Nobody waits for the rest of an answer that breaks off.
      response.on("error", () => response.destroy());
      if (url.hostname === "invalid" || !isOurs(request, parts))
        refuse({ log }, asked, new DeskError("badRequest", "A wrong address."));
      else if (callers.take("requests", address) > 0)
        refuse({ log }, asked, new DeskError("tooMany", "Too many requests."));
      else if (url.pathname === "/api" || url.pathname.startsWith("/api/"))
        void answerInterface({ service, callers, blobs, log }, asked);
      else sendFile(files, asked);
    },
  );
  server.maxConnections = MAX_SOCKETS;
  server.on("clientError", (_cause, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(whyNot(host, port, cause)));
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${urlHost(host)}:${boundPort}`,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function addressOf({ url = "" }: IncomingMessage): URL {
  const isFit = url.startsWith("/") && !url.startsWith("//") && url.length <= MAX_URL;
  const address = isFit ? `http://console${url}` : "http://invalid/";
  return URL.canParse(address) ? new URL(address) : new URL("http://invalid/");
}

/** A desk on this machine is called by no other name, so that no page of another name can make a browser call it. */
function isOurs(request: IncomingMessage, { host, publicHost }: Pick<ConsoleParts, "host" | "publicHost">): boolean {
  const isLocal = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (!isLocal) return true;
  const named = `http://${request.headers.host ?? ""}`;
  if (!URL.canParse(named)) return false;
  const { hostname } = new URL(named);
  return isLoopback(hostname) || hostname === publicHost;
}

function sendFile(
  files: ConsoleFiles,
  { request, response, url }: { request: IncomingMessage; response: ServerResponse; url: URL },
): void {
  const file = files.get(url.pathname);
  if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) {
    response.writeHead(file === undefined ? 404 : 405, { ...plainHeaders, "content-type": "text/plain" });
    response.end(file === undefined ? "There is nothing here.\n" : "");
    return;
  }
  if (request.headers["if-none-match"] === file.etag) {
    response.writeHead(304, { ...pageHeaders, etag: file.etag }).end();
    return;
  }
  const headers = { ...pageHeaders, etag: file.etag, "content-type": file.type, "content-length": file.bytes.length };
  response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : file.bytes);
}

function whyNot(host: string, port: number, cause: unknown): OperatorError {
  const code = systemCode(cause);
  const options = { cause };
  if (code === "EADDRINUSE") {
    return new OperatorError(
      `Port ${port} is used by another program; stop it, or set SOTTO_DESK_PORT to another port.`,
      1,
      options,
    );
  }
  if (code === "EADDRNOTAVAIL" || (isIP(host) === 0 && code === "ENOTFOUND")) {
    return new OperatorError(`${host} is no address of this machine; set SOTTO_DESK_HOST to one that is.`, 1, options);
  }
  return new OperatorError(`Port ${port} on ${host} cannot be listened on (${code ?? "unknown reason"}).`, 1, options);
}
