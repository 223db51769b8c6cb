import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { callWebhook } from "../../../server/desk/webhooks.js";
import { hookSignature } from "../../../server/desk/work.js";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that keeps what it is sent, and answers so. */
async function receiver(status: number, headers: Record<string, string> = {}) {
  const taken: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += String(piece);
    });
    request.on("end", () => {
      taken.push({ headers: request.headers, body });
      response.writeHead(status, headers).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, taken };
}

it("posts the body with one signature in the form its receiver checks", async () => {
  const { url, taken } = await receiver(204);
  const body = JSON.stringify({ case: "00" });
  await callWebhook(url, body, hookSignature(new Uint8Array(32).fill(7), body));
  expect(taken).toHaveLength(1);
  expect(taken[0]?.body).toBe(body);
  expect(taken[0]?.headers["sotto-signature"]).toMatch(/^sha256=[0-9a-f]{64}$/);
});

it("follows no redirect, and takes no other answer for a yes", async () => {
  const { url: elsewhere, taken } = await receiver(204);
  const { url: redirects } = await receiver(307, { location: elsewhere });
  const { url: fails } = await receiver(500);
  await expect(callWebhook(redirects, "{}", "sha256=00")).rejects.toThrow();
  await expect(callWebhook(fails, "{}", "sha256=00")).rejects.toThrow();
  expect(taken).toEqual([]);
});
