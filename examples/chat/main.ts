/**
 * A terminal conversation on the published SDK API: `npm run chat -- --as alice --to bob`, or `--group Team` in the place of
 * `--to bob`.
 */

import { setTimeout as pause } from "node:timers/promises";
import { type Client, DeviceLimitError, SottoError } from "@sotto/sdk/node";
import { Asks } from "./asks.js";
import { type Choices, choices, USAGE } from "./choices.js";
import { plain } from "./command.js";
import { showRequests } from "./consent-commands.js";
import { limitAdvice } from "./device-commands.js";
import { inviteMissing } from "./group-commands.js";
import { Names } from "./names.js";
import { openClient, openRoom } from "./opening.js";
import type { Room } from "./room.js";
import { showInvitations } from "./room-commands.js";
import { Screen } from "./screen.js";
import { Transfers } from "./transfers.js";
import { visit } from "./visit.js";

/** What is on its way may take this long when leaving; after that it goes next time. */
const LEAVE_MS = 3_000;

async function converse(client: Client, chosen: Choices, ending: AbortController): Promise<void> {
  const { me } = chosen;
  const { signal } = ending;
  const quit = () => ending.abort();
  let room: Room | undefined = await openRoom(client, chosen, signal);
  const screen = new Screen("> ", quit);
  const asks = new Asks();
  const leaving = new Set<Promise<unknown>>();
  const transfers = new Transfers(screen.isTerminal ? "drawn" : "told");
  const house = { client, me, names: new Names(client, me), asks, screen, transfers, leaving, signal, quit };
  const say = (lines: readonly string[]) => screen.say(lines);
  const failed = (error: unknown) => say([plain(error)]);
  signal.addEventListener("abort", () => screen.close());
  void showRequests({ client, asks, say }, signal).catch(failed);
  void showInvitations({ client, asks, say }, signal).catch(failed);
  if (room.kind === "group" && chosen.place.kind === "group") void inviteMissing({ room, say }, chosen.place.invite);
  while (room !== undefined) room = await visit(house, room);
  await Promise.race([settled(leaving), pause(LEAVE_MS, undefined, { ref: false })]);
}

/** What was typed last may have sent something. */
async function settled(leaving: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (leaving.size > 0) await Promise.all(leaving);
}

/** What a failure at the start calls for, beyond its own remedy. */
function advice(error: unknown, { me, folder }: Choices): readonly string[] {
  if (error instanceof DeviceLimitError) return limitAdvice(error);
  if (!(error instanceof SottoError)) return [];
  if (error.code === "offline") return ["Is a relay running? Start one with: npm start"];
  if (error.code === "accountExists") {
    return [
      `The relay knows ${me}, but ${folder} does not hold the keys.`,
      "Type /link on a device that does, and start this one with --link; or add --start-over for a new identity.",
    ];
  }
  return [];
}

async function main(): Promise<number> {
  const chosen = choices();
  if (chosen === undefined) {
    console.error(USAGE);
    return 2;
  }
  const leaving = new AbortController();
  let client: Client | undefined;
  const starting = new AbortController();
  const leave = () => {
    leaving.abort();
    if (client === undefined) starting.abort();
  };
  process.once("SIGINT", leave);
  process.once("SIGTERM", leave);
  try {
    client = await openClient(chosen, starting.signal);
  } catch (error) {
    for (const line of [plain(error), ...advice(error, chosen)]) console.error(line);
    return 1;
  }
  try {
    await converse(client, chosen, leaving);
  } catch (error) {
    if (!leaving.signal.aborted) {
      console.error(plain(error));
      return 1;
    }
  } finally {
    await client.close();
  }
  console.log("Bye.");
  return 0;
}

process.exitCode = await main();
