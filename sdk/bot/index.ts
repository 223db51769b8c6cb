/** Sotto for programs that answer people: match, reply, hand over to a human, at a rate of its own. */

export { Bot, type BotOptions, type Failing } from "./bot.js";
export { BotMessage, type MessageItem } from "./bot-message.js";
export type { BotClock, Rate } from "./pace.js";
export type { Handler, Pattern } from "./rules.js";
