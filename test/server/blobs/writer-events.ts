/** What the writer process tells. */

/** Attempts are told before they begin, answers after they came. */
export type WriterEvent =
  | { readonly kind: "opened" }
  | { readonly kind: "creating"; readonly number: number; readonly lengthBytes: number }
  | { readonly kind: "committed"; readonly number: number; readonly offset: number };
