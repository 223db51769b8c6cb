/** Relays that misbehave on purpose: a scripted one, and a man in the middle before a real one. */

export * as behaviours from "./behaviours.js";
export { behave, honestRoot, someAccount } from "./greeting.js";
export { type HostileRelay, type Script, startHostileRelay } from "./hostile-relay.js";
export { type Passing, passOn, type Rewrite, type RunningProxy, startProxy } from "./proxy.js";
export * as rewrites from "./rewrites.js";
export { seededRandom } from "./seeded-random.js";
