/** The core's public face: types for apps, and the ports for whoever writes a platform, engine or store. */

export { Client, type ClientEvents, type ClientState, type Whom } from "./client.js";
export { DirectConversation, type Outgoing, type Peer } from "./conversations/direct-conversation.js";
export type {
  ConversationEvents,
  Cursor,
  Item,
  ItemStatus,
  QuotedState,
  Reaction,
} from "./conversations/items.js";
export { createClient } from "./create-client.js";
export type { DebugBundle } from "./debug-bundle.js";
export type { EventOf, ListenerOptions } from "./events.js";
export { DeviceLimitError } from "./link/loss.js";
export type { ClientOptions } from "./options.js";
export type { Moment, SentMessage } from "./outbox/sent-message.js";
export type * from "./ports.js";
export { EngineRefusal } from "./ports.js";
export type { SafetyNumber } from "./trust/trust.js";
