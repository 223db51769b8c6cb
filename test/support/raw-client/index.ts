/** A client of the protocol without the SDK, for tests that must be able to break every rule the SDK keeps. */

export { contentOf, newContentId, payloadOf, type Said } from "./contents.js";
export { type Asking, FrameSocket } from "./frame-socket.js";
export { newMessageId, type PeerDevice, RawDevice, type SendOver } from "./raw-device.js";
export { type NewKeys, registration } from "./registration.js";
export { type DeviceAddress, SignalSide, type Wrapping } from "./signal-side.js";
