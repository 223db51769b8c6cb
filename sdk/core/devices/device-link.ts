/** The old device's side of a link: shows the URI, compares the code, and only then hands the account over. */

import {
  decodeJoin,
  encodeLinkUri,
  LINK_CODE_DIGITS,
  type LinkOffer,
  type LinkRecord,
  limits,
  SottoError,
} from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import { deferred } from "../deferred.js";
import type { RelayLink } from "../link/relay-link.js";
import type { Cipher, Clock, Engine, IdentityKeys, Random } from "../ports.js";
import type { DeviceEntry } from "./device-entry.js";
import { LinkChannel } from "./link-channel.js";
import { unlessAborted } from "./pause.js";
import { Rendezvous } from "./rendezvous.js";

/** A device that was linked. */
export type LinkedDevice = DeviceEntry;

/** Where a link stands. */
export type DeviceLinkState = "waiting" | "joined" | "confirmed" | "linked" | "ended";

/** What an old device needs to link a new one. */
export interface DeviceLinkParts {
  readonly relay: Pick<RelayLink, "request">;
  readonly engine: Pick<Engine, "generateIdentity" | "agree">;
  readonly cipher: Cipher;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the new device finds the relay, and the fingerprint of its root. */
  readonly meeting: Pick<LinkOffer, "relay" | "root">;
  /** What is handed over, read at the last moment. */
  provision(): LinkRecord<"provision">;
  /** Both users said yes: begins to watch for a device of this registration id; resolves once it is registered. */
  watch(registrationId: number, signal: Cancellation): Promise<() => Promise<LinkedDevice>>;
}

/**
 * One link, good for one new device and ten minutes.
 *
 *   waiting ──a device joined──▶ joined ──both users said yes──▶ confirmed ──it registered──▶ linked
 *      └── cancel, ten minutes, a body that does not open ─┴── wrong code, declined ──▶ ended
 *
 * Nothing of the account leaves this device before `confirmed`.
 */
export class DeviceLink {
  /** What the new device needs, for a QR code or to paste. Case does not matter in it. Whoever sees it can try to join. */
  readonly uri: string;
  /** When the link is worth nothing any more, by this device's clock. */
  readonly expiresMs: number;
  /** A device joined: the code that it must show as well, and what it calls itself. Rejects with why the link ended. */
  readonly joined: Promise<{ readonly code: string; readonly deviceName: string | undefined }>;

  readonly #parts: DeviceLinkParts;
  readonly #offer: LinkOffer;
  readonly #pair: IdentityKeys;
  readonly #stop = new Cancellation();
  readonly #joined = deferred<{ readonly code: string; readonly deviceName: string | undefined }>();
  readonly #confirmed = deferred<void>();
  readonly #linked = deferred<LinkedDevice>();
  readonly #timer: { cancel(): void };
  #state: DeviceLinkState = "waiting";
  #code = "";
  #isRight = false;
  #channel: LinkChannel | undefined;
  #failure: SottoError | undefined;
  #closing: Promise<void> = Promise.resolve();

  private constructor(parts: DeviceLinkParts, offer: LinkOffer, pair: IdentityKeys, expiresMs: number) {
    this.#parts = parts;
    this.#offer = offer;
    this.#pair = pair;
    this.uri = encodeLinkUri(offer);
    this.expiresMs = expiresMs;
    this.joined = this.#joined.promise;
    this.#timer = parts.clock.after(expiresMs - parts.clock.now(), () => void this.#expire());
    void this.#run();
  }

  /**
   * Opens a link at the relay.
   *
   * @throws offline, timeout, tooManyRequests and what else the relay answers; closed.
   */
  static async open(parts: DeviceLinkParts): Promise<DeviceLink> {
    const { relay, engine, clock, random, meeting } = parts;
    const pair = engine.generateIdentity();
    const offer = { ...meeting, link: random.bytes(16), key: pair.publicKey, secret: random.bytes(32) };
    const expiresMs = clock.now() + limits.linkTtlMs.value;
    await relay.request({ type: "openLink", link: offer.link });
    return new DeviceLink(parts, offer, pair, expiresMs);
  }

  /** Where the link stands. */
  get state(): DeviceLinkState {
    return this.#state;
  }

  /**
   * Hands the account over to the device that showed these digits, and resolves once it is registered.
   *
   * The digits are those the user reads from the new device, blanks do not matter; there is one try. Whether the new
   * device may register is the relay's word: if the account has as many devices as it may have, the client tells
   * `devicelimit` and this waits for the rest of the link's life, while one of the devices is revoked.
   *
   * @throws wrongCode: the link ended on both sides, nothing was handed over. invalidArgument if no device joined yet, or
   *   for anything but six digits; the link lives on. linkExpired, linkDeclined, linkInvalid, aborted: it ended.
   *   timeout: the account was handed over and the new device is not registered yet; it goes on when it is opened again.
   */
  async confirm(code: string): Promise<LinkedDevice> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isRight) return this.#linked.promise;
    if (this.#code === "") throw new SottoError("invalidArgument", { detail: "no device has joined this link yet" });
    const digits = typeof code === "string" ? code.replace(/\s/g, "") : "";
    if (!SIX_DIGITS.test(digits)) {
      throw new SottoError("invalidArgument", { detail: `the code has ${LINK_CODE_DIGITS} digits` });
    }
    // Typed by this device's own user, so that nobody measures how long a comparison takes.
    if (digits !== this.#code) {
      const wrong = new SottoError("wrongCode");
      await this.#end(wrong);
      throw wrong;
    }
    this.#isRight = true;
    this.#confirmed.resolve();
    return this.#linked.promise;
  }

  /**
   * Ends the link; who waits rejects with `aborted`. Idempotent. Once the account was handed over it only ends the waiting:
   * a device that is registered is revoked with `devices.revoke`.
   */
  cancel(): Promise<void> {
    return this.#end(new SottoError("aborted", { detail: "the link was cancelled" }));
  }

  async #run(): Promise<void> {
    const { relay, clock } = this.#parts;
    const rendezvous = new Rendezvous({ relay, clock, link: this.#offer.link, signal: this.#stop });
    try {
      const { channel, registrationId } = await this.#meet(rendezvous);
      const { answer } = channel.open("approve", await rendezvous.take("approve"));
      if (answer === "no") throw new SottoError("linkDeclined");
      await this.#confirmed.promise;
      const arrival = await this.#parts.watch(registrationId, this.#stop);
      this.#assertLive();
      await this.#handOver(rendezvous, channel);
      this.#succeed(await unlessAborted(arrival(), this.#stop));
    } catch (error) {
      await this.#end(asLinkError(error));
    }
  }

  /** Takes the join, sets the challenge, and shows the code. */
  async #meet(rendezvous: Rendezvous): Promise<{ readonly channel: LinkChannel; readonly registrationId: number }> {
    const { random } = this.#parts;
    const join = await rendezvous.take("join");
    const { key, sealed } = decodeJoin(join);
    const keys = { mine: this.#pair.privateKey, theirs: key, joined: key };
    const channel = LinkChannel.agree(this.#parts, this.#offer, keys);
    this.#channel = channel;
    const { name, registrationId } = channel.open("join", sealed);
    const challenge = random.bytes(32);
    await rendezvous.put("challenge", channel.seal("challenge", { challenge }));
    this.#assertLive();
    this.#code = channel.challenged({ join, challenge });
    this.#state = "joined";
    this.#joined.resolve({ code: this.#code, deviceName: name });
    return { channel, registrationId };
  }

  async #handOver(rendezvous: Rendezvous, channel: LinkChannel): Promise<void> {
    const body = channel.seal("provision", this.#parts.provision());
    // From here on the body may be at the relay, whatever its answer.
    this.#state = "confirmed";
    await rendezvous.put("provision", body);
  }

  /** The link may have ended while the relay was asked. */
  #assertLive(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #succeed(device: LinkedDevice): void {
    this.#assertLive();
    this.#state = "linked";
    this.#letGo();
    this.#linked.resolve(device);
    void this.#forget();
  }

  #expire(): Promise<void> {
    return this.#end(
      this.#state === "confirmed"
        ? new SottoError("timeout", { detail: "the account was handed over, the new device is not registered yet" })
        : new SottoError("linkExpired"),
    );
  }

  /** Ends the link at once here, and at the relay as soon as it hears of it. */
  #end(error: SottoError): Promise<void> {
    if (this.#failure !== undefined || this.#state === "linked") return this.#closing;
    this.#failure = error;
    const isHandedOver = this.#state === "confirmed";
    this.#state = "ended";
    this.#letGo();
    for (const waiting of [this.#joined, this.#confirmed, this.#linked]) waiting.reject(error);
    // What was handed over stays for the new device to take, until the relay drops it.
    this.#closing = isHandedOver ? Promise.resolve() : this.#forget();
    return this.#closing;
  }

  #letGo(): void {
    this.#timer.cancel();
    this.#stop.abort();
    this.#channel?.wipe();
    this.#pair.privateKey.fill(0);
    this.#offer.secret.fill(0);
  }

  /** A relay that does not hear of it drops the link by itself; without its keys it is worth nothing. */
  async #forget(): Promise<void> {
    await this.#parts.relay.request({ type: "closeLink", link: this.#offer.link }).catch(() => undefined);
  }
}

const SIX_DIGITS = new RegExp(`^\\d{${LINK_CODE_DIGITS}}$`);

function asLinkError(cause: unknown): SottoError {
  return cause instanceof SottoError ? cause : new SottoError("linkInvalid", { cause });
}
