/** What a measured client says to the bench. */

import type { Cost } from "./cost.js";

/** From a client to the bench. */
export type ClientReport =
  | { readonly kind: "ready" }
  /** Its request is with the relay. */
  | { readonly kind: "asked" }
  | { readonly kind: "cost"; readonly cost: Cost };
