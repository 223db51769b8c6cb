/** The relay's two socket servers and the choice between them. */

export { chooseTransport, type TransportPreference } from "./choose.js";
export { portableTransport } from "./portable.js";
export { uwsTransport } from "./uws.js";
