/** From an empty store to a registered device. Every step is on disk before the next, so a crash continues where it was. */

import {
  type AccountRole,
  type DeviceId,
  deriveDeliveryKey,
  type Frame,
  hashDeliveryKey,
  type LinkRecord,
  limits,
  PROTOCOL_VERSION,
  registrationText,
  SottoError,
} from "@sotto/protocol";
import type { DeviceEntry } from "../devices/device-entry.js";
import { DeviceNames } from "../devices/device-names.js";
import { DeviceLimitError } from "../link/loss.js";
import { registerDevice } from "../link/register.js";
import type { CheckedOptions } from "../options.js";
import type { Engine, Platform } from "../ports.js";
import type { Row } from "../rows.js";
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

/** What decides about an account that has as many devices as it may have. */
export interface LimitChoice {
  /** The device the new one takes the place of. */
  readonly replaces?: DeviceId | undefined;
  /** Asked with the account's devices; answers which one to replace, or none to give up for now. */
  readonly onDeviceLimit?: ((devices: readonly DeviceEntry[]) => Promise<DeviceId | undefined>) | undefined;
}

/**
 * Makes keys for a new account and stores them.
 *
 * Nothing is sent: a crash behind this point registers the same keys.
 */
export async function createAccount(shell: RegistrationShell): Promise<OwnAccount> {
  const { platform, options, engine } = shell;
  const identity = engine.generateIdentity();
  return storeAccount(shell, {
    mode: "first",
    userId: options.userId,
    registrationId: engine.generateRegistrationId(),
    identityPublic: identity.publicKey,
    identityPrivate: identity.privateKey,
    profileKey: platform.random.bytes(32),
    profileKeyVersion: 0,
    nameVersion: 0,
    policy: "everyone",
    policyVersion: 0,
  });
}

/**
 * Stores what an old device handed over, with keys of this device's own: from here on it needs the old one no more, and a
 * client that is created on this store registers it.
 */
export async function adoptAccount(
  shell: RegistrationShell,
  { account, userId, ...settings }: LinkRecord<"provision">,
  registrationId: number,
): Promise<OwnAccount> {
  return storeAccount(shell, {
    ...settings,
    mode: "add",
    awaiting: "state",
    account,
    userId: shell.options.userId ?? userId,
    registrationId,
  });
}

type Given =
  | "mode"
  | "awaiting"
  | "account"
  | "userId"
  | "registrationId"
  | "identityPublic"
  | "identityPrivate"
  | "name";
type Settings = "profileKey" | "profileKeyVersion" | "nameVersion" | "policy" | "policyVersion";

async function storeAccount(
  { platform, options, store, engine }: RegistrationShell,
  given: Pick<Row<"account">, Given | Settings>,
): Promise<OwnAccount> {
  const device = platform.deviceKeys.generate();
  const account = OwnAccount.create({
    ...given,
    phase: "registering",
    relay: options.url,
    devicePublic: device.publicKey,
    devicePrivate: device.privateKey,
    deviceName: options.deviceName,
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
 * Registers an account's device at the relay, and stores what it answered. If it takes the place of a device, which knows
 * the profile key, its row says before that there is to be another key.
 *
 * @throws accountExists if the user is registered with other keys and `existingAccount` is not `reset`, or if the account
 *   this device was linked to was reset since; DeviceLimitError with the devices' names; badToken, registrationClosed,
 *   offline, wrongRoot and the like from the relay.
 */
export async function register(shell: RegistrationShell, account: OwnAccount, choice: LimitChoice = {}): Promise<void> {
  if (account.current.mode === "add") return join(shell, account, choice);
  try {
    await attempt(shell, account, "first");
  } catch (error) {
    const exists = error instanceof SottoError && error.code === "accountExists";
    if (!exists || shell.options.existingAccount !== "reset") throw error;
    await attempt(shell, account, "reset");
  }
}

/** Registers a further device; asks which one to replace for as long as the account is full and an answer comes. */
async function join(
  shell: RegistrationShell,
  account: OwnAccount,
  { replaces, onDeviceLimit }: LimitChoice,
): Promise<void> {
  for (let replaced = replaces; ; ) {
    try {
      // Before the relay is asked: a crash behind its answer must not forget it. One rotation too many harms nobody.
      if (replaced !== undefined) await shell.store.commit([account.change({ owing: "rotation" })]);
      return await attempt(shell, account, "add", replaced);
    } catch (error) {
      if (error instanceof DeviceLimitError) {
        const named = error.named(new DeviceNames(shell.platform, account.current.identityPrivate));
        replaced = await onDeviceLimit?.(named.devices);
        if (replaced === undefined) throw named;
      } else {
        // The one to replace was revoked meanwhile: then there is room.
        const isGone = error instanceof SottoError && error.code === "unknownDevice" && replaced !== undefined;
        if (!isGone) throw error;
        replaced = undefined;
      }
    }
  }
}

async function attempt(
  shell: RegistrationShell,
  account: OwnAccount,
  mode: "first" | "add" | "reset",
  replaces?: DeviceId,
): Promise<void> {
  const { platform, options, store, rootPin } = shell;
  const { relay: url, plaintext, signal } = options;
  const { dial, clock } = platform;
  const parts = { url, plaintext, dial, clock, checkRoot: rootPin.check, signal };
  // Before the connection: the relay waits only seconds for an answer to its challenge, and a host may be slow.
  const proof = await credential(options, account);
  const welcome = await registerDevice(parts, async (challenge) => ({
    ...(await build(shell, account, { mode, replaces }, challenge)),
    ...proof,
  }));
  const { account: id, device } = welcome;
  if (id === undefined || device === undefined || (mode === "add" && id !== account.current.account)) {
    throw new SottoError("badRelay", { detail: "a welcome that names no device, or one of another account" });
  }
  await store.commit([account.change({ phase: "registered", account: id, device, root: rootPin.root?.slice() })]);
}

async function build(
  { platform, store, engine }: RegistrationShell,
  account: OwnAccount,
  { mode, replaces }: Pick<Frame<"register">, "mode" | "replaces">,
  challenge: Frame<"challenge">,
): Promise<Omit<Frame<"register">, "type" | "token" | "userId" | "role">> {
  const { identityPublic, identityPrivate, devicePublic, devicePrivate, registrationId, profileKey, deviceName } =
    account.current;
  const keys = {
    mode,
    identityKey: identityPublic,
    authenticationKey: devicePublic,
    registrationId,
    deliveryKeyHash: hashDeliveryKey(deriveDeliveryKey(profileKey)),
    replaces,
  };
  const text = registrationText(challenge, keys);
  const prekeys = new Prekeys({ store, account, engine, clock: platform.clock });
  const names = new DeviceNames(platform, identityPrivate);
  return {
    ...keys,
    ...(await prekeys.longLived()),
    version: PROTOCOL_VERSION,
    name: deviceName === undefined ? undefined : names.seal(deviceName, registrationId),
    identitySignature: engine.sign(account.identity, text),
    authenticationSignature: platform.deviceKeys.sign(devicePrivate, text),
  };
}

/** The host's token where the app has one, else the bare user id that only development mode takes. */
async function credential(
  { auth, userId, accountRole, signal }: CheckedOptions,
  { current }: OwnAccount,
): Promise<{ token: string } | { userId: string; role: AccountRole | undefined }> {
  if (auth === undefined) return { userId: userId ?? current.userId ?? "", role: accountRole };
  const token = await auth({ signal });
  if (typeof token !== "string" || token.length === 0 || token.length > limits.tokenBytes.value) {
    throw new SottoError("badToken", { detail: "auth() did not answer a token" });
  }
  return { token };
}
