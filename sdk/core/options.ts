/** What an app tells `createClient`, checked before anything happens. */

import {
  type AccountRole,
  accountRoles,
  type DeviceId,
  limits,
  padDeviceName,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import type { GrantHook } from "./consent/grants.js";
import { assertRealmPin } from "./franking/realm.js";
import { type Plaintext, relayAddress } from "./link/address.js";
import type { AbortSignalLike, StoreChoice } from "./ports.js";
import { utf8Length } from "./utf8-length.js";

/** How a client is created. */
export interface ClientOptions {
  /** The relay's address: `https://host`, or `http://localhost:8787` on this machine. */
  readonly relay: string;
  /** The relay's root fingerprint, `sha256:…`, as its operator prints it. May be left out only in development mode. */
  readonly relayRoot?: string;
  /**
   * The fingerprint of the community's realm, `sha256:…`, as its moderators print it: whose word on tokens and reports counts.
   * May be left out only in development mode.
   */
  readonly realm?: string;
  /** Fetches a token that the host signed for this user. Called when needed; the token is never stored. */
  readonly auth?: (request: { readonly signal: AbortSignalLike | undefined }) => Promise<string>;
  /** Fetches the host's word that this user may write to somebody; asked before a first contact that needs it. Never stored. */
  readonly grant?: GrantHook;
  /** The user's name at the host; needed without `auth` (development mode), and then taken on trust. */
  readonly userId?: string;
  /** What the account is where no host says it: in development mode. Else the host's token says it in its claim `sotto_role`. */
  readonly accountRole?: AccountRole;
  /** Where this account's keys and messages are kept. One folder for each account. */
  readonly store: StoreChoice;
  /** What to do if the relay has an account for this user and the store is empty: refuse, or start over with a new identity. */
  readonly existingAccount?: "refuse" | "reset";
  /** What the account's devices call this one; sealed for everybody else. Counts at registration, see `devices.rename`. */
  readonly deviceName?: string | undefined;
  /** Finishing a link that met the device limit: the device this one takes the place of. Counts for nothing else. */
  readonly replaces?: DeviceId | undefined;
  /** Whether a relay without TLS may be elsewhere than on this machine. */
  readonly plaintext?: Plaintext;
  /** Closes the client when it aborts. */
  readonly signal?: AbortSignalLike;
}

/** Options after the check: the address is a WebSocket's. */
export interface CheckedOptions extends ClientOptions {
  readonly url: string;
  readonly plaintext: Plaintext;
}

/**
 * Checks the options.
 *
 * @throws invalidArgument naming the first option that is wrong and what it should be.
 */
export function checkOptions(options: ClientOptions): CheckedOptions {
  const { relay, userId, accountRole, auth, store, deviceName, replaces, plaintext = "loopbackOnly" } = options;
  if (typeof relay !== "string") throw wrong("relay is the address of a relay, such as http://localhost:8787");
  if (store === undefined) throw wrong('store says where keys and messages are kept, such as levelStore("./alice")');
  if (auth === undefined && userId === undefined)
    throw wrong("pass auth (host tokens), or userId against a development relay");
  if (userId !== undefined) assertUserId(userId);
  if (accountRole !== undefined && !accountRoles.includes(accountRole))
    throw wrong(`accountRole is one of ${accountRoles.join(", ")}`);
  if (accountRole !== undefined && auth !== undefined)
    throw wrong("accountRole is for development mode: with auth, the host's token says what the account is");
  assertRealmPin(options.realm);
  if (deviceName !== undefined) padDeviceName(deviceName);
  if (replaces !== undefined) parseDeviceId(replaces);
  return { ...options, plaintext, url: relayAddress(relay, plaintext) };
}

/** @throws invalidArgument for a user id no relay would take. */
export function assertUserId(userId: string): void {
  if (typeof userId !== "string" || userId.length === 0 || utf8Length(userId) > limits.userIdBytes.value) {
    throw wrong(`a user id is text of 1 to ${limits.userIdBytes.value} bytes`);
  }
}

function wrong(detail: string): SottoError {
  return new SottoError("invalidArgument", { detail });
}
