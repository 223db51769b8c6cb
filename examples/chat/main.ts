/** A terminal conversation on the published SDK API: `npm run chat -- --as alice --to bob`. */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  type Client,
  createClient,
  DeviceLimitError,
  type DirectConversation,
  levelStore,
  linkDevice,
  parseDeviceId,
  SottoError,
} from "@sotto/sdk/node";
import { plain } from "./command.js";
import { obey } from "./commands.js";
import { showRequests } from "./consent-commands.js";
import { limitAdvice } from "./device-commands.js";
import { agreesOnCode } from "./question.js";
import { Screen } from "./screen.js";
import { Transcript } from "./transcript.js";

const USAGE = `Usage: npm run chat -- --as YOUR_NAME --to THEIR_NAME [options]
  --relay URL       the relay (default http://localhost:8787; start one with: npm start)
  --data FOLDER     where your keys and messages are kept (default ./chat-data/YOUR_NAME)
  --link LINK       join the account of the device that shows LINK (/link there)
  --device NAME     what your other devices call this one
  --replace NUMBER  with --link: take the place of that device, if there are too many
  --start-over      give up the account's old identity if its folder is lost`;

/** How long the other's typing is shown, and how often somebody not yet there is looked for. */
const TYPING_MS = 5_000;
const LOOK_AGAIN_MS = 2_000;
/** What is on its way may take this long when leaving; after that it goes next time. */
const LEAVE_MS = 3_000;

interface Choices {
  readonly me: string;
  readonly peer: string;
  readonly relay: string;
  readonly folder: string;
  readonly existingAccount: "refuse" | "reset";
  readonly link: string | undefined;
  readonly deviceName: string | undefined;
  readonly replaces: string | undefined;
}

function choices(): Choices | undefined {
  try {
    const { values } = parseArgs({
      options: {
        as: { type: "string" },
        to: { type: "string" },
        relay: { type: "string", default: "http://localhost:8787" },
        data: { type: "string" },
        link: { type: "string" },
        device: { type: "string" },
        replace: { type: "string" },
        "start-over": { type: "boolean", default: false },
      },
    });
    const { as: me, to: peer, relay, data, link, device: deviceName, replace: replaces } = values;
    if (me === undefined || peer === undefined) return undefined;
    const folder = data ?? `./chat-data/${encodeURIComponent(me)}`;
    const existingAccount = values["start-over"] ? "reset" : "refuse";
    return { me, peer, relay, folder, existingAccount, link, deviceName, replaces };
  } catch {
    return undefined;
  }
}

/** Opens the conversation, waiting for somebody who has not come yet. */
async function openWhenThere(client: Client, { me, peer }: Choices, signal: AbortSignal): Promise<DirectConversation> {
  for (let tries = 0; ; tries++) {
    try {
      return await client.openDM({ userId: peer });
    } catch (error) {
      if (!(error instanceof SottoError && error.code === "unknownUser")) throw error;
      if (tries === 0) {
        console.log(`${peer} is not here yet. In another terminal: npm run chat -- --as ${peer} --to ${me}`);
        console.log("Waiting… (Ctrl-C to leave)");
      }
      await pause(LOOK_AGAIN_MS, undefined, { signal });
    }
  }
}

async function converse(client: Client, chosen: Choices, leaving: AbortController): Promise<void> {
  const { me, peer } = chosen;
  const { signal } = leaving;
  const conversation = await openWhenThere(client, chosen, signal);
  let typing = "";
  let connection = "";
  const unread = new Set<Parameters<DirectConversation["markRead"]>[0][number]>();

  const draw = () =>
    screen.draw({
      title: `Sotto: ${me} → ${peer}   ${client.state}${connection}   /help lists the commands`,
      lines: transcript.lines,
      notice: typing,
    });
  const transcript = new Transcript(conversation, { me, peer }, (item) => {
    if (item?.direction === "received" && "status" in item && item.status === "received") {
      unread.add(item.messageId);
      queueMicrotask(() => void markRead());
    }
    draw();
  });
  const markRead = async () => {
    const shown = [...unread].slice(0, 64);
    for (const id of shown) unread.delete(id);
    await conversation.markRead(shown).catch((error: unknown) => screen.say([plain(error)]));
  };
  const parts = {
    client,
    conversation,
    transcript,
    say: (lines: readonly string[]) => screen.say(lines),
    quit: () => leaving.abort(),
    leaving: new Set<Promise<unknown>>(),
  };
  const screen = new Screen(
    "> ",
    (line) => void obey(parts, line),
    () => leaving.abort(),
    () => conversation.typing("started"),
  );
  conversation.addEventListener(
    "typing",
    (event) => {
      typing = event.typing === "started" ? `${peer} is typing…` : "";
      draw();
      void pause(TYPING_MS, undefined, { signal }).then(
        () => {
          typing = "";
          draw();
        },
        () => undefined, // left meanwhile
      );
    },
    { signal },
  );
  client.addEventListener(
    "state",
    ({ reason }) => {
      connection = reason === undefined ? "" : ` (${reason.code})`;
      draw();
    },
    { signal },
  );
  signal.addEventListener("abort", () => screen.close());
  draw();
  void showRequests(parts, signal).catch((error: unknown) => screen.say([plain(error)]));
  await transcript.follow(signal);
  await Promise.race([Promise.all(parts.leaving), pause(LEAVE_MS, undefined, { ref: false })]);
}

/** Opens the account of the folder, or joins another device's account. */
function open(chosen: Choices, signal: AbortSignal): Promise<Client> {
  const { me, relay, folder, existingAccount, link, deviceName, replaces } = chosen;
  const options = { userId: me, store: levelStore(folder), deviceName, signal };
  const replaced = replaces === undefined ? {} : { replaces: parseDeviceId(Number(replaces)) };
  if (link === undefined) return createClient({ relay, ...options, existingAccount, ...replaced });
  const onDeviceLimit = async () => replaced.replaces;
  return linkDevice(link, { ...options, confirm: agreesOnCode, onDeviceLimit });
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
    client = await open(chosen, starting.signal);
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
