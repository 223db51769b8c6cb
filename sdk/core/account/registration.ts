/** From an empty store to a registered device. Every step is on disk before the next, so a crash continues where it was. */

import {
  deriveDeliveryKey,
  type Frame,
  hashDeliveryKey,
  limits,
  PROTOCOL_VERSION,
  registrationText,
  SottoError,
} from "@sotto/protocol";
import { registerDevice } from "../link/register.js";
import type { CheckedOptions } from "../options.js";
import type { Engine, Platform } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { RootPin } from "../trust/root-pin.js";
import { OwnAccount } from "./own-account.js";
import { Prekeys } from "./prekeys.js";

/** What registration works with. */
export interface RegistrationShell {
  readonly platform: Platform;
  readonly options: CheckedOptions;
  readonly store: SealedStore;
  readonly engine: Engine;
  readonly rootPin: RootPin;
}

/**
 * Makes keys for a new account and stores them.
 *
 * Nothing is sent: a crash behind this point registers the same keys.
 */
export async function createAccount({ platform, options, store, engine }: RegistrationShell): Promise<OwnAccount> {
  const identity = engine.generateIdentity();
  const device = platform.deviceKeys.generate();
  const account = OwnAccount.create({
    phase: "registering",
    relay: options.url,
    userId: options.userId,
    registrationId: engine.generateRegistrationId(),
    identityPublic: identity.publicKey,
    identityPrivate: identity.privateKey,
    devicePublic: device.publicKey,
    devicePrivate: device.privateKey,
    profileKey: platform.random.bytes(32),
    nextPrekeyId: 1,
    signedPrekeyId: 1,
    lastResortPrekeyId: 1,
    rotatedMs: 0,
  });
  const { changes } = new Prekeys({ store, account, engine, clock: platform.clock }).makeLongLived();
  await store.commit(changes);
  return account;
}

/**
 * Registers an account's device at the relay, and stores what it answered.
 *
 * @throws accountExists if the user is registered with other keys and `existingAccount` is not `reset`; badToken,
 *   registrationClosed, deviceLimit, offline, wrongRoot and the like from the relay.
 */
export async function register(shell: RegistrationShell, account: OwnAccount): Promise<void> {
  try {
    await attempt(shell, account, "first");
  } catch (error) {
    const exists = error instanceof SottoError && error.code === "accountExists";
    if (!exists || shell.options.existingAccount !== "reset") throw error;
    await attempt(shell, account, "reset");
  }
}

async function attempt(shell: RegistrationShell, account: OwnAccount, mode: "first" | "reset"): Promise<void> {
  const { platform, options, store, rootPin } = shell;
  const { relay: url, plaintext, signal } = options;
  const { dial, clock } = platform;
  const parts = { url, plaintext, dial, clock, checkRoot: rootPin.check, signal };
  // Before the connection: the relay waits only seconds for an answer to its challenge, and a host may be slow.
  const proof = await credential(options);
  const welcome = await registerDevice(parts, async (challenge) => ({
    ...(await build(shell, account, mode, challenge)),
    ...proof,
  }));
  if (welcome.account === undefined || welcome.device === undefined) {
    throw new SottoError("badRelay", { detail: "a welcome that names no device" });
  }
  const { account: id, device } = welcome;
  await store.commit([account.change({ phase: "registered", account: id, device, root: rootPin.root?.slice() })]);
}

async function build(
  { platform, store, engine }: RegistrationShell,
  account: OwnAccount,
  mode: "first" | "reset",
  challenge: Frame<"challenge">,
): Promise<Omit<Frame<"register">, "type" | "token" | "userId">> {
  const { identityPublic, devicePublic, devicePrivate, registrationId, profileKey } = account.current;
  const keys = {
    mode,
    identityKey: identityPublic,
    authenticationKey: devicePublic,
    registrationId,
    deliveryKeyHash: hashDeliveryKey(deriveDeliveryKey(profileKey)),
  };
  const text = registrationText(challenge, keys);
  const prekeys = new Prekeys({ store, account, engine, clock: platform.clock });
  return {
    ...keys,
    ...(await prekeys.longLived()),
    version: PROTOCOL_VERSION,
    identitySignature: engine.sign(account.identity, text),
    authenticationSignature: platform.deviceKeys.sign(devicePrivate, text),
  };
}

/** The host's token where the app has one, else the bare user id that only development mode takes. */
async function credential({ auth, userId, signal }: CheckedOptions): Promise<{ token: string } | { userId: string }> {
  if (auth === undefined) return { userId: userId ?? "" };
  const token = await auth({ signal });
  if (typeof token !== "string" || token.length === 0 || token.length > limits.tokenBytes.value) {
    throw new SottoError("badToken", { detail: "auth() did not answer a token" });
  }
  return { token };
}
