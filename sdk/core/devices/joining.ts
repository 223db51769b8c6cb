/** The new device's side of a link: joins, shows the code, and takes the account once both users said yes. */

import { encodeJoin, type FailureCode, type LinkOffer, type LinkRecord, limits, SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import type { Plaintext } from "../link/address.js";
import { type CheckRoot, RelayLink } from "../link/relay-link.js";
import type { AbortSignalLike, Engine, Platform } from "../ports.js";
import { LinkChannel } from "./link-channel.js";
import { unlessAborted } from "./pause.js";
import { Rendezvous } from "./rendezvous.js";

/** What a new device goes through a link with. */
export interface JoiningSteps {
  readonly platform: Pick<Platform, "clock" | "cipher">;
  readonly engine: Pick<Engine, "generateIdentity" | "agree">;
  readonly offer: LinkOffer;
  readonly deviceName: string | undefined;
  readonly registrationId: number;
  confirm(code: string): Promise<boolean> | boolean;
}

/** The same, and where it finds the relay. */
export interface JoiningParts extends JoiningSteps {
  readonly platform: Platform;
  readonly plaintext: Plaintext;
  readonly checkRoot: CheckRoot;
  readonly signal: AbortSignalLike | undefined;
}

/** Somebody waits in front of two screens; what failed is tried again within the link's life. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Why a connection is lost that no waiting mends. */
const FINAL: ReadonlySet<FailureCode> = new Set(["wrongRoot", "rootRequired", "unsupportedVersion", "invalidArgument"]);

/**
 * Goes through a link and answers what the old device handed over. Nothing is stored here, and nothing was handed over if
 * it rejects.
 *
 * @throws linkUsed, linkExpired, linkInvalid, linkDeclined; wrongRoot if another relay than the link's answers; offline;
 *   aborted; what `confirm` threw.
 */
export async function join(parts: JoiningParts): Promise<LinkRecord<"provision">> {
  const { signal, platform } = parts;
  const ending = new Ending();
  const abort = () => ending.because(new SottoError("aborted"));
  if (signal?.aborted) throw new SottoError("aborted");
  signal?.addEventListener("abort", abort, { once: true });
  const timer = platform.clock.after(limits.linkTtlMs.value, () => ending.because(new SottoError("linkExpired")));
  const relay = linkTo(parts, ending);
  relay.start();
  try {
    return await joinOver(parts, relay, ending.signal);
  } catch (error) {
    throw ending.reason ?? error;
  } finally {
    relay.close();
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}

/** Why this side stops waiting; the first reason counts. */
class Ending {
  readonly signal = new Cancellation();
  reason: SottoError | undefined;

  because(reason: SottoError): void {
    this.reason ??= reason;
    this.signal.abort();
  }
}

function linkTo({ platform, offer, plaintext, checkRoot }: JoiningParts, ending: Ending): RelayLink {
  const { dial, clock, random, log } = platform;
  return new RelayLink({
    ...{ url: offer.relay, plaintext, dial, clock, random, log, checkRoot },
    greeting: { kind: "anonymous" },
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    onReady: () => undefined,
    onPush: () => undefined,
    onState: (_state, reason) => {
      if (reason !== undefined && FINAL.has(reason.code)) ending.because(reason);
    },
  });
}

/** The steps themselves, over a connection that is there; `signal` ends every wait. @throws as `join`. */
export async function joinOver(
  { platform, engine, offer, deviceName, registrationId, confirm }: JoiningSteps,
  relay: Pick<RelayLink, "request">,
  signal: Cancellation,
): Promise<LinkRecord<"provision">> {
  const { clock, cipher } = platform;
  const pair = engine.generateIdentity();
  const keys = { mine: pair.privateKey, theirs: offer.key, joined: pair.publicKey };
  const channel = LinkChannel.agree({ engine, cipher }, offer, keys);
  pair.privateKey.fill(0);
  const rendezvous = new Rendezvous({ relay, clock, link: offer.link, signal });
  try {
    const sealed = channel.seal("join", { name: deviceName, registrationId });
    const body = encodeJoin({ key: pair.publicKey, sealed });
    await rendezvous.put("join", body);
    const { challenge } = channel.open("challenge", await rendezvous.take("challenge"));
    const code = channel.challenged({ join: body, challenge });
    const answer = await askUser(() => confirm(code), signal);
    await rendezvous.put("approve", channel.seal("approve", { answer: answer === true ? "yes" : "no" }));
    if (answer instanceof Refused) throw answer.cause;
    if (answer !== true) throw new SottoError("linkDeclined", { detail: "the code was not confirmed on this device" });
    return channel.open("provision", await rendezvous.take("provision"));
  } finally {
    channel.wipe();
  }
}

/** The app's own failure to ask, told to the old device as a no. */
class Refused {
  constructor(readonly cause: unknown) {}
}

async function askUser(ask: () => Promise<boolean> | boolean, signal: Cancellation): Promise<boolean | Refused> {
  const asking = Promise.resolve()
    .then(ask)
    .catch((cause: unknown) => new Refused(cause));
  return unlessAborted(asking, signal);
}
