/** Commands that change a group's settings. */

import type { Commands } from "./command.js";
import type { GroupRoom } from "./room.js";

function isSwitch(text: string): text is "on" | "off" {
  return text === "on" || text === "off";
}

/** The commands by name. */
export const groupSettingCommands: Commands<GroupRoom> = {
  title: async ({ room: { conversation }, say }, title) => {
    if (title === "") return say(["/title takes the new title."]);
    await conversation.update({ title });
    say(["The title was changed. Only members can read it."]);
  },
  announce: async ({ room: { conversation }, say }, wish) => {
    if (!isSwitch(wish)) return say(["/announce takes on (only admins write) or off (everybody does)."]);
    await conversation.update({ whoWrites: wish === "on" ? "admins" : "members" });
    say([wish === "on" ? "Only admins write from now on." : "Everybody may write from now on."]);
  },
  approval: async ({ room: { conversation }, say }, wish) => {
    if (!isSwitch(wish)) return say(["/approval takes on (admins let people in whom members invited) or off."]);
    await conversation.update({ approval: wish });
    say([wish === "on" ? "Admins let in whom members invite." : "Whoever is invited may join."]);
  },
};
