/** Commands about this account's devices: linking a new one, listing, naming and revoking them. */

import { type DeviceLimitError, type DeviceLink, parseDeviceId } from "@sotto/sdk/node";
import { renderUnicodeCompact } from "uqr";
import { type CommandParts, type Commands, plain } from "./command.js";
import { harmless } from "./words.js";

/** The link that waits for its code. */
let open: DeviceLink | undefined;

/** What is drawn for a link: a code to scan, and the same to paste. */
function drawing({ uri }: DeviceLink): readonly string[] {
  // In upper case a QR code holds it in its alphanumeric mode, which makes it a third smaller.
  const square = renderUnicodeCompact(uri.toUpperCase(), { border: 1 }).split("\n");
  return [
    ...square,
    "On the new device, within ten minutes (on this machine, with another folder: --data FOLDER):",
    `  npm run chat -- --as YOU --to THEM --link ${uri}`,
  ];
}

async function follow({ say }: CommandParts, link: DeviceLink): Promise<void> {
  try {
    const { code, deviceName } = await link.joined;
    const name = deviceName === undefined ? "A new device" : `"${harmless(deviceName)}"`;
    say([
      `${name} is there. This device shows ${code}.`,
      "If the new one shows the same, type /code and its digits. If not: /unlink.",
    ]);
  } catch (error) {
    if (open !== link) return;
    open = undefined;
    say([plain(error)]);
  }
}

/** The commands by name. */
export const deviceCommands: Commands = {
  link: async (parts, argument) => {
    await open?.cancel();
    open = await parts.client.devices.createLink({ history: argument === "nohistory" ? "none" : "all" });
    parts.say(drawing(open));
    void follow(parts, open);
  },
  code: async ({ say }, digits) => {
    if (open === undefined) return say(["There is no link that waits for a code. /link makes one."]);
    const link = open;
    open = undefined;
    const { name } = await link.confirm(digits);
    say([`${name === undefined ? "The new device" : `"${harmless(name)}"`} belongs to this account now.`]);
  },
  unlink: async ({ say }) => {
    await open?.cancel();
    open = undefined;
    say(["The link was ended. Nothing was handed over."]);
  },
  devices: async ({ client, say }) => {
    const devices = await client.devices.list();
    say(
      devices.map(({ device, name, addedMs, current }) => {
        const since = new Date(addedMs).toISOString().slice(0, 10);
        return `  ${device}  ${harmless(name ?? "(no name)")}, since ${since}${current === "this" ? "  ← this one" : ""}`;
      }),
    );
  },
  revoke: async ({ client, say }, number) => {
    const device = parseDeviceId(Number(number));
    if (device === client.deviceId) return say(["That is this device. Revoke it from another one."]);
    await client.devices.revoke(device);
    say([`Device ${device} was removed. It can read nothing that is sent from now on.`]);
  },
  rename: async ({ client, say }, name) => {
    await client.devices.rename(name);
    say(["This device was named. Only your own devices can read that."]);
  },
};

/** What to do when the account has as many devices as it may have. */
export function limitAdvice(error: DeviceLimitError): readonly string[] {
  return [
    "This account has as many devices as the relay allows:",
    ...error.devices.map(({ device, name }) => `  ${device}  ${harmless(name ?? "(no name)")}`),
    "Start again with --replace NUMBER to put this one in the place of one of them.",
  ];
}
