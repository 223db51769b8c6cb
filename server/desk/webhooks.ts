/** Calls of somebody's server that hears of cases. */

import { SottoError } from "@sotto/protocol";
import type { CallWebhook } from "./ports.js";

const DEADLINE_MS = 10_000;
/** The header with the signature: `sha256=` and the HMAC of the body, in hex. */
const SIGNATURE_HEADER = "sotto-signature";

/** Posts a call. Follows no redirect: what is signed is for this address. Rejects unless it is answered with 2xx in time. */
export const callWebhook: CallWebhook = async (url, body, signature) => {
  const abort = new AbortController();
  const deadline = setTimeout(() => abort.abort(), DEADLINE_MS);
  try {
    const { ok, body: answer } = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", [SIGNATURE_HEADER]: signature },
      body,
      redirect: "error",
      signal: abort.signal,
    });
    await answer?.cancel();
    if (!ok) throw new SottoError("offline", { detail: "a webhook that did not take its call" });
  } finally {
    clearTimeout(deadline);
  }
};
