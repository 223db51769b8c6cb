/** Commands that send something else than words: polls, votes, places. */

import { type CommandParts, type Commands, watch } from "./command.js";

/** Asks a question with options. */
async function ask(parts: CommandParts, argument: string, choose: "one" | "many"): Promise<void> {
  const [question = "", ...options] = argument.split("|").map((part) => part.trim());
  if (question === "" || options.length < 2)
    return parts.say(["Like this: /poll Where do we meet? | at the lake | in the park"]);
  watch(parts, parts.room.conversation.send({ poll: { question, options, choose } }));
}

/** Places in the list of options, from what people count: `1,3`; `undefined` for anything else. */
function choicesOf(text: string): readonly number[] | undefined {
  if (text === "none") return [];
  const numbers = text.split(",").map((part) => part.trim());
  return numbers.every((number) => /^[1-9]\d?$/.test(number)) ? numbers.map((number) => Number(number) - 1) : undefined;
}

/** The commands by name. */
export const contentCommands: Commands = {
  poll: (parts, argument) => {
    if (!/^\d+$/.test(argument)) return ask(parts, argument, "one");
    const poll = parts.transcript.numbered(Number(argument));
    parts.say([(poll && parts.transcript.wordsOf(poll)) ?? "There is no message of that number here."]);
  },
  polls: (parts, argument) => ask(parts, argument, "many"),
  vote: (parts, argument) => {
    const [, number = "", chosen = ""] = /^(\d+)\s+(.+)$/s.exec(argument) ?? [];
    const poll = parts.transcript.numbered(Number(number));
    const choices = choicesOf(chosen);
    if (poll?.kind !== "poll" || choices === undefined)
      return parts.say([
        "/vote takes the number of a poll and of an option, like /vote 12 1; /vote 12 none takes it back.",
      ]);
    watch(parts, parts.room.conversation.vote(poll.messageId, choices));
  },
  location: (parts, argument) => {
    const [, latitude, longitude, label = ""] = /^(-?[\d.]+)[,\s]+(-?[\d.]+)\s*(.*)$/s.exec(argument) ?? [];
    if (latitude === undefined || longitude === undefined)
      return parts.say([
        "/location takes degrees north and east, and a name if you like: /location 48.2085 16.3731 Vienna",
      ]);
    const place = { latitude: Number(latitude), longitude: Number(longitude) };
    watch(parts, parts.room.conversation.send({ location: { ...place, ...(label === "" ? {} : { label }) } }));
  },
};
