/** A link with everything around it in the test's hands. */

import { type Frame, parseAccountId, parseDeviceId, type SottoError } from "@sotto/protocol";
import { type LinkParts, type LinkState, type Push, RelayLink } from "../../../../sdk/core/link/relay-link.js";
import { type ManualClock, manualClock, settled } from "./manual-clock.js";
import { type ScriptedDial, type ScriptedSocket, scriptedDial } from "./scripted-dial.js";

/** The account and device of the tests. */
export const account = parseAccountId("00112233-4455-6677-8899-aabbccddeeff");
export const otherAccount = parseAccountId("ffeeddcc-bbaa-9988-7766-554433221100");
export const device = parseDeviceId(3);
/** The root the tests pin. */
const root = Uint8Array.of(5, ...new Uint8Array(32).fill(9));

/** A challenge of the right relay. */
export const challenge: Frame<"challenge"> = {
  type: "challenge",
  version: 1,
  nonce: new Uint8Array(32).fill(7),
  root,
  serverTimeMs: 1_700_000_000_000,
  development: "off",
};

/** The welcome of the device's connection. */
export const welcome: Frame<"welcome"> = {
  type: "welcome",
  account,
  device,
  keyDigest: new Uint8Array(32),
  oneTimeCount: 100,
  kyberCount: 100,
  highestPrekeyId: 200,
  head: 0,
  resumed: "no",
  groupAccounts: 1_000,
  groupRecipients: 10_000,
  devices: [{ device, registrationId: 1, addedMs: 1_600_000_000_000 }],
  serverTimeMs: 1_700_000_000_000,
};

/** The welcome of an anonymous connection. */
export const anonymousWelcome: Frame<"welcome"> = {
  type: "welcome",
  oneTimeCount: 0,
  kyberCount: 0,
  highestPrekeyId: 0,
  head: 0,
  resumed: "no",
  groupAccounts: 1_000,
  groupRecipients: 10_000,
  devices: [],
  serverTimeMs: 1_700_000_000_000,
};

/** A device as the relay lists it to its owner. */
export const listedDevice = { device, registrationId: 7, addedMs: 1_600_000_000_000, seenDay: 19_000 };

/** An envelope at a cursor. */
export function delivery(cursor: number): Frame<"deliver"> {
  return { type: "deliver", cursor, messageId: new Uint8Array(16), acceptedMs: 1, body: Uint8Array.of(1) };
}

/** A link and what it said. */
export interface Fixture {
  readonly link: RelayLink;
  readonly clock: ManualClock;
  readonly dial: ScriptedDial;
  readonly states: { readonly state: LinkState; readonly reason: SottoError | undefined }[];
  readonly pushes: Push[];
  readonly welcomes: Frame<"welcome">[];
  readonly logs: { readonly level: string; readonly event: string; readonly fields: unknown }[];
}

/** Makes a link; `over` replaces single parts. */
export function linkFixture(over: Partial<LinkParts> = {}): Fixture {
  const clock = manualClock();
  const dial = scriptedDial();
  const states: Fixture["states"][number][] = [];
  const pushes: Push[] = [];
  const welcomes: Frame<"welcome">[] = [];
  const logs: Fixture["logs"][number][] = [];
  const link = new RelayLink({
    url: "https://dm.example.com",
    dial: dial.dial,
    clock,
    random: { bytes: (size) => new Uint8Array(size).fill(128) },
    log: (level, event, fields) => logs.push({ level, event, fields }),
    greeting: { kind: "device", account, device, sign: () => new Uint8Array(64).fill(1) },
    checkRoot: () => undefined,
    onReady: (frame) => welcomes.push(frame),
    onPush: (frame) => pushes.push(frame),
    onState: (state, reason) => states.push({ state, reason }),
    ...over,
  });
  return { link, clock, dial, states, pushes, welcomes, logs };
}

/** Plays the relay's part of a device's greeting on the socket dialled last. */
export async function greet({ dial }: Fixture, answer: Frame<"welcome"> = welcome): Promise<ScriptedSocket> {
  const socket = dial.last;
  socket.open();
  socket.say(challenge);
  await settled();
  socket.say(answer);
  return socket;
}

/** A started link that is ready, and its socket. */
export async function readyLink(over: Partial<LinkParts> = {}): Promise<Fixture & { readonly socket: ScriptedSocket }> {
  const fixture = linkFixture(over);
  fixture.link.start();
  const socket = await greet(fixture, over.greeting?.kind === "anonymous" ? anonymousWelcome : welcome);
  return { ...fixture, socket };
}

/** The code a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
  throw new Error("the promise did not reject");
}
