/**
 * The few globals the protocol may use: they exist in Node, browsers, workers and edge runtimes alike
 * (WinterTC Minimum Common API). Declared here so that neither Node nor DOM types are needed.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array<ArrayBuffer>): unknown;
}
declare class TextDecoder {
  constructor(label: "utf-8", options: { readonly fatal: true; readonly ignoreBOM: true });
  decode(bytes: Uint8Array): string;
}
