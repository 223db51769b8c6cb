/** The relay's rules, as the composition root sees them. */

export { createRelay, type Relay } from "./relay.js";
