/** What every answer says, so that a browser does as little as it can with what it is sent. */

/** The console's page: its own script and style, nothing from elsewhere, nothing inline, and no text ever becomes markup. */
const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src blob:",
  "media-src blob:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** What is no page shows and runs nothing. */
const INERT_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'";

const always = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
} as const;

/** Of the console's own files: asked for again each time, and not sent again if they are the same. */
export const pageHeaders = {
  ...always,
  "content-security-policy": CONTENT_POLICY,
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-cache",
} as const;

/** Of everything else: kept by nobody. */
export const plainHeaders = {
  ...always,
  "content-security-policy": INERT_POLICY,
  "cache-control": "no-store",
} as const;
