/** One conversation on the screen, until the user goes on to another or leaves. */

import type { Client, Item } from "@sotto/sdk/node";
import type { Asks } from "./asks.js";
import { type CommandParts, plain } from "./command.js";
import { obey } from "./commands.js";
import type { Names } from "./names.js";
import { Presence } from "./presence.js";
import { Reading } from "./reading.js";
import { type Room, titleOf } from "./room.js";
import type { Screen } from "./screen.js";
import { Transcript } from "./transcript.js";
import type { Transfers } from "./transfers.js";
import { harmless } from "./words.js";

/** What stays the same from one conversation to the next. */
export interface House {
  readonly client: Client;
  readonly me: string;
  readonly names: Names;
  readonly asks: Asks;
  readonly screen: Screen;
  readonly transfers: Transfers;
  /** What is on its way, waited for when leaving. */
  readonly leaving: Set<Promise<unknown>>;
  /** Aborts when the user leaves. */
  readonly signal: AbortSignal;
  quit(): void;
}

/** Shows a conversation. Resolves with the next one, or with `undefined` when the user leaves. */
export async function visit(house: House, room: Room): Promise<Room | undefined> {
  const { client, me, names, screen, transfers } = house;
  const going = new AbortController();
  const signal = AbortSignal.any([house.signal, going.signal]);
  let next: Room | undefined;
  let connection = "";

  const draw = () =>
    screen.draw({
      title: `Sotto: ${me} ${whereabouts(room)}   ${client.state}${connection}   /help lists the commands`,
      lines: transcript.lines,
      bars: transfers.lines,
      notice: presence?.notice ?? "",
    });
  const failed = (error: unknown) => screen.say([plain(error)]);
  const presence = room.kind === "direct" ? new Presence(room, draw) : undefined;
  const reading = new Reading(room, failed);
  const transcript = new Transcript(room, names, (item: Item | undefined) => {
    if (item !== undefined) reading.saw(item);
    if (item?.direction === "received") presence?.heard();
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
  transfers.onMove = draw;
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
  await withDraft({ screen, room, failed }, () => transcript.follow(signal));
  return house.signal.aborted ? undefined : next;
}

/** One line after the other: what is typed behind /to or /open is meant for where that leads. */
async function obeyAll(parts: CommandParts, lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) await obey(parts, line);
}

/** Has the words that were begun here last time typed already, and keeps those that are not sent at the end. */
async function withDraft({ screen, room, failed }: Drafting, work: () => Promise<void>): Promise<void> {
  if (!screen.isTerminal) return work();
  const { conversation } = room;
  let kept = harmless((await conversation.draft()) ?? "");
  screen.draft = kept;
  // What was kept is part of the first line that is sent.
  screen.onLine = () => {
    if (kept === "") return;
    kept = "";
    void conversation.setDraft(undefined).catch(failed);
  };
  await work();
  if (screen.draft !== kept) await conversation.setDraft(screen.draft);
}

/** Where drafts are typed, and what they are for. */
interface Drafting {
  readonly screen: Screen;
  readonly room: Room;
  failed(error: unknown): void;
}

function whereabouts(room: Room): string {
  if (room.kind === "direct") return `→ ${room.peer}`;
  const { standing } = room.conversation;
  return `in ${titleOf(room.conversation)}${standing === "joined" ? "" : ` (${standing})`}`;
}
