/** Commands about the one other person of a direct conversation. */

import type { DirectConversation } from "@sotto/sdk/node";
import type { Commands } from "./command.js";
import type { DirectRoom } from "./room.js";
import { grouped } from "./words.js";

/** The digits that were shown last, so that only what was compared is confirmed. */
const shown = new WeakMap<DirectConversation, string>();

/** The commands by name. */
export const directCommands: Commands<DirectRoom> = {
  safety: async ({ room: { conversation }, say }) => {
    const number = await conversation.safetyNumber();
    if (number === undefined) return say(["There is no safety number before the first message."]);
    shown.set(conversation, number.digits);
    say([
      `Safety number (${number.verification}):`,
      `  ${grouped(number.digits)}`,
      "The other side must see the same.",
    ]);
  },
  verify: async ({ room: { conversation }, say }) => {
    await conversation.markVerified(shown.get(conversation));
    say(["Marked as compared. If it ever changes, nothing is sent until you /trust it."]);
  },
  trust: async ({ room: { conversation }, say }) => {
    await conversation.trustIdentity(shown.get(conversation));
    say(["The present safety number is used from now on, as not compared. Use /retry for what was not sent."]);
  },
  unblock: async ({ room: { conversation }, say }) => {
    await conversation.unblock();
    say(["Unblocked. They may ask again, or you write to them."]);
  },
};
