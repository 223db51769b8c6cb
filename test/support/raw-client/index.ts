/** A client of the protocol without the SDK, for tests that must be able to break every rule the SDK keeps. */

export { contentOf, newContentId, payloadOf, type Said } from "./contents.js";
export { type Asking, FrameSocket } from "./frame-socket.js";
export { newMessageId, type PeerDevice, RawDevice, type SendOver } from "./raw-device.js";
export { registration } from "./registration.js";
export { SignalSide } from "./signal-side.js";
