/** One conversation on the screen, until the user goes on to another or leaves. */

import type { Client, Item } from "@sotto/sdk/node";
import type { Asks } from "./asks.js";
import { type CommandParts, plain } from "./command.js";
import { obey } from "./commands.js";
import type { Names } from "./names.js";
import { Presence } from "./presence.js";
import { type Room, titleOf } from "./room.js";
import type { Screen } from "./screen.js";
import { Transcript } from "./transcript.js";

/** What stays the same from one conversation to the next. */
export interface House {
  readonly client: Client;
  readonly me: string;
  readonly names: Names;
  readonly asks: Asks;
  readonly screen: Screen;
  /** What is on its way, waited for when leaving. */
  readonly leaving: Set<Promise<unknown>>;
  /** Aborts when the user leaves. */
  readonly signal: AbortSignal;
  quit(): void;
}

/** Shows a conversation. Resolves with the next one, or with `undefined` when the user leaves. */
export async function visit(house: House, room: Room): Promise<Room | undefined> {
  const { client, me, names, screen } = house;
  const going = new AbortController();
  const signal = AbortSignal.any([house.signal, going.signal]);
  let next: Room | undefined;
  let connection = "";

  const draw = () =>
    screen.draw({
      title: `Sotto: ${me} ${whereabouts(room)}   ${client.state}${connection}   /help lists the commands`,
      lines: transcript.lines,
      notice: presence?.notice ?? "",
    });
  const failed = (error: unknown) => screen.say([plain(error)]);
  const presence = room.kind === "direct" ? new Presence(room, { changed: draw, failed }) : undefined;
  const transcript = new Transcript(room, names, (item: Item | undefined) => {
    if (item !== undefined) presence?.saw(item);
    draw();
  });
  const parts = {
    ...{ ...house, room, transcript },
    say: (lines: readonly string[]) => screen.say(lines),
    go: (to: Room) => {
      next = to;
      going.abort();
    },
    quit: () => {
      going.abort();
      house.quit();
    },
  };
  screen.onKey = () => presence?.typed();
  const obeying = obeyAll(parts, screen.lines(going.signal)).finally(() => house.leaving.delete(obeying));
  house.leaving.add(obeying);
  presence?.follow(signal);
  client.addEventListener(
    "state",
    ({ reason }) => {
      connection = reason === undefined ? "" : ` (${reason.code})`;
      draw();
    },
    { signal },
  );
  client.addEventListener("group", draw, { signal });
  draw();
  await transcript.follow(signal);
  return house.signal.aborted ? undefined : next;
}

/** One line after the other: what is typed behind /to or /open is meant for where that leads. */
async function obeyAll(parts: CommandParts, lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) await obey(parts, line);
}

function whereabouts(room: Room): string {
  if (room.kind === "direct") return `→ ${room.peer}`;
  const { standing } = room.conversation;
  return `in ${titleOf(room.conversation)}${standing === "joined" ? "" : ` (${standing})`}`;
}
