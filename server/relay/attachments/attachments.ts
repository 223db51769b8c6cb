/** The relay's HTTP surface for attachments: uploads and downloads, and what becomes of trouble on their way. */

import { BlobError, type HttpRequest, type HttpResponse, StoreError } from "../../ports.js";
import type { Rules } from "../rules.js";
import { noRoom, notNow } from "./answers.js";
import { answerDownload, BLOBS_PATH } from "./downloads.js";
import { answerUpload, UPLOADS_PATH } from "./uploads.js";

/** Answers a request for an attachment; `undefined` if it is for something else. */
export function answerAttachment(rules: Rules, request: HttpRequest): Promise<HttpResponse> | undefined {
  const { path } = request;
  if (path === UPLOADS_PATH || path.startsWith(`${UPLOADS_PATH}/`)) return guarded(rules, request, answerUpload);
  return path.startsWith(BLOBS_PATH) ? guarded(rules, request, answerDownload) : undefined;
}

type Answer = (rules: Rules, request: HttpRequest) => Promise<HttpResponse>;

/** Trouble of disk and store is told as such; what else is thrown is our bug, and the transport says 500. */
async function guarded(rules: Rules, request: HttpRequest, answer: Answer): Promise<HttpResponse> {
  try {
    return await answer(rules, request);
  } catch (cause) {
    if (cause instanceof BlobError) {
      rules.log.warn("blobsUnavailable", { where: request.method, kind: cause.kind });
      return cause.kind === "full" ? noRoom() : notNow();
    }
    if (!(cause instanceof StoreError)) throw cause;
    rules.log.warn("storeUnavailable", { where: request.method, kind: cause.kind });
    return notNow();
  }
}
