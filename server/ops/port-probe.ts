/** Says in plain words whether a port can be listened on, and why not. */

import { request } from "node:http";
import { createServer } from "node:net";
import { systemCode } from "./operator-error.js";

/** Why a port cannot be listened on, in one plain sentence with the remedy; `undefined` if it can. */
export async function portProblem(host: string, port: number): Promise<string | undefined> {
  const code = await tryListening(host, port);
  switch (code) {
    case undefined:
      return undefined;
    case "EADDRINUSE":
      return (await isRelay(host, port))
        ? `A Sotto relay is already running on port ${port}; stop it first, or set SOTTO_PORT to another port.`
        : `Port ${port} is used by another program; stop it, or set SOTTO_PORT to another port.`;
    case "EACCES":
      return `This user may not listen on port ${port}; set SOTTO_PORT to a port above 1023.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${host} is no address of this machine; set SOTTO_HOST to one that is.`;
    default:
      return `Port ${port} on ${host} cannot be listened on (${code}).`;
  }
}

function tryListening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (cause) => resolve(systemCode(cause) ?? "unknown reason"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Whether what listens there answers /health as a relay does. */
function isRelay(host: string, port: number): Promise<boolean> {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return new Promise((resolve) => {
    const call = request({ host: reachable, port, path: "/health", timeout: 1_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > 1_000) call.destroy();
      });
      response.on("close", () => resolve(/"status":"(starting|ready|draining|failed)"/.test(body)));
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(false));
    call.end();
  });
}
