/** What the chat is started with. */

import { parseArgs } from "node:util";
import { namesIn } from "./words.js";

/** How the chat is called. */
export const USAGE = `Usage: npm run chat -- --as YOUR_NAME --to THEIR_NAME [options]
       npm run chat -- --as YOUR_NAME --group TITLE [--invite NAME,NAME] [options]
  --to NAME         talk with one person
  --group TITLE     talk in a group; if you are in none of that title, one is made
  --invite NAMES    with --group: invite these people, unless they are in it
  --relay URL       the relay (default http://localhost:8787; start one with: npm start)
  --data FOLDER     where your keys and messages are kept (default ./chat-data/YOUR_NAME)
  --link LINK       join the account of the device that shows LINK (/link there)
  --device NAME     what your other devices call this one
  --replace NUMBER  with --link: take the place of that device, if there are too many
  --start-over      give up the account's old identity if its folder is lost`;

/** With whom to talk first. */
export type Place =
  | { readonly kind: "direct"; readonly peer: string }
  | { readonly kind: "group"; readonly title: string; readonly invite: readonly string[] };

/** A parsed command line. */
export interface Choices {
  readonly me: string;
  readonly place: Place;
  readonly relay: string;
  readonly folder: string;
  readonly existingAccount: "refuse" | "reset";
  readonly link: string | undefined;
  readonly deviceName: string | undefined;
  readonly replaces: string | undefined;
}

/** The command line's choices; `undefined` if it is none of those in `USAGE`. */
export function choices(): Choices | undefined {
  try {
    const { values } = parseArgs({
      options: {
        as: { type: "string" },
        to: { type: "string" },
        group: { type: "string" },
        invite: { type: "string" },
        relay: { type: "string", default: "http://localhost:8787" },
        data: { type: "string" },
        link: { type: "string" },
        device: { type: "string" },
        replace: { type: "string" },
        "start-over": { type: "boolean", default: false },
      },
    });
    const { as: me, relay, data, link, device: deviceName, replace: replaces } = values;
    const place = placeOf(values);
    if (me === undefined || place === undefined) return undefined;
    const folder = data ?? `./chat-data/${encodeURIComponent(me)}`;
    const existingAccount = values["start-over"] ? "reset" : "refuse";
    return { me, place, relay, folder, existingAccount, link, deviceName, replaces };
  } catch {
    return undefined;
  }
}

function placeOf({
  to,
  group,
  invite,
}: {
  readonly to?: string | undefined;
  readonly group?: string | undefined;
  readonly invite?: string | undefined;
}): Place | undefined {
  if (to !== undefined) return group === undefined && invite === undefined ? { kind: "direct", peer: to } : undefined;
  return group === undefined ? undefined : { kind: "group", title: group, invite: namesIn(invite ?? "") };
}
