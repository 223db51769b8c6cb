/** A client of the protocol without the SDK, for tests that must be able to break every rule the SDK keeps. */

export { contentOf, newContentId, payloadOf, type Said } from "./contents.js";
export { type Asking, FrameSocket } from "./frame-socket.js";
export { commitmentOf, newMessageId, type PeerDevice, RawDevice, type SendOver } from "./raw-device.js";
export { type HeldToken, isFranked, newTokenKey, RawFranks } from "./raw-franks.js";
export { registration } from "./registration.js";
export { SignalSide } from "./signal-side.js";
