/** Bytes in JSON: standard base64 with padding, and one spelling only. Isomorphic. */

const STEP = 0x8000;

/** The base64 of bytes. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += STEP) binary += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return btoa(binary);
}

/** The bytes that base64 spells; `undefined` for any other text, and for a second spelling of the same bytes. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const binary = decoded(text);
  if (binary === undefined || btoa(binary) !== text) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function decoded(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}
