/** The relay's two socket servers and the choice between them. */

export { type ChooseTransportOptions, chooseTransport, type TransportPreference } from "./choose.js";
export { portableTransport } from "./portable.js";
export { type UwsTransportOptions, uwsTransport } from "./uws.js";
