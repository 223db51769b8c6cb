/** What everybody may read of the realm without an account: the document, and what moderators can do, in plain words. */

import type { HttpRequest, HttpResponse } from "../../ports.js";
import { notFound, notNow, onlyMethods, tooMany } from "../attachments/answers.js";
import type { Rules } from "../rules.js";
import type { HeldRealm } from "./realm.js";

/** Long enough for a crowd, short beside how often clients look for news. */
const CACHED = { "cache-control": "public, max-age=60", "x-content-type-options": "nosniff" } as const;

type Page = (held: HeldRealm) => Pick<HttpResponse, "headers" | "body">;

const pages: ReadonlyMap<string, Page> = new Map<string, Page>([
  [
    "/.well-known/sotto/realm",
    ({ document }) => ({ headers: { "content-type": "application/octet-stream" }, body: document }),
  ],
  [
    "/.well-known/sotto/moderation",
    ({ statement }) => ({ headers: { "content-type": "text/plain; charset=utf-8" }, body: statement }),
  ],
]);

/** Answers a request for a well-known address; `undefined` if it is for something else. */
export function answerWellKnown(rules: Rules, request: HttpRequest): Promise<HttpResponse> | undefined {
  const page = pages.get(request.path);
  return page === undefined ? undefined : answer(rules, request, page);
}

async function answer(rules: Rules, { method, remoteAddress }: HttpRequest, page: Page): Promise<HttpResponse> {
  const waitMs = rules.limiters.take("realmReadsPerAddress", remoteAddress);
  if (waitMs > 0) return tooMany(waitMs);
  if (method !== "GET" && method !== "HEAD") return onlyMethods("GET, HEAD");
  const isOpen = await rules.opening.done().then(
    () => true,
    () => false,
  );
  if (!isOpen) return notNow();
  if (rules.realm.held === undefined) return notFound();
  const { headers, body } = page(rules.realm.held);
  return { status: 200, headers: { ...CACHED, ...headers }, body: method === "HEAD" ? "" : body };
}
