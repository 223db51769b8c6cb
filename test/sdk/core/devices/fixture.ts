/** A link between two devices over a rendezvous in memory, with everything around it in the test's hands. */

import {
  decodeLinkUri,
  type LinkRecord,
  limits,
  parseAccountId,
  parseDeviceId,
  SottoError,
  toHex,
} from "@sotto/protocol";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { DeviceLink, type DeviceLinkParts, type LinkedDevice } from "../../../../sdk/core/devices/device-link.js";
import { type JoiningSteps, joinOver } from "../../../../sdk/core/devices/joining.js";
import type { AnswerOf, RequestName, RequestOf } from "../../../../sdk/core/link/requests.js";
import type { Engine } from "../../../../sdk/core/ports.js";
import { aesGcm } from "../../../../sdk/node/aes-gcm.js";
import { systemRandom } from "../../../../sdk/node/random.js";
import { type ManualClock, manualClock } from "../link/manual-clock.js";

type Step = "join" | "challenge" | "approve" | "provision";

/** The relay's rules for links, in memory: each step once, in order, for ten minutes. */
export class MemoryRendezvous {
  readonly bodies = new Map<Step, Uint8Array>();
  /** What each side asked, in order. */
  readonly asked: string[] = [];
  /** What the next requests fail with, before they are heard. */
  readonly failing: SottoError[] = [];
  /** The new side has what was handed over. */
  readonly fetched = deferred<void>();
  isOpen = false;
  link = "";
  private expiresMs = 0;

  constructor(private readonly clock: ManualClock) {}

  /** The rendezvous as one side reaches it. */
  side(who: "old" | "new"): DeviceLinkParts["relay"] {
    const request = async <N extends RequestName>(frame: RequestOf<N>): Promise<AnswerOf<N>> => {
      this.asked.push(`${who} ${frame.type}${"step" in frame ? ` ${frame.step}` : ""}`);
      const failure = this.failing.shift();
      if (failure !== undefined) throw failure;
      return this.answer(frame) as AnswerOf<N>;
    };
    return { request };
  }

  private answer(frame: { readonly type: string }): { readonly type: string } & Record<string, unknown> {
    const { link, step, body } = frame as unknown as { link: Uint8Array; step: Step; body: Uint8Array };
    switch (frame.type) {
      case "openLink":
        this.link = toHex(link);
        this.isOpen = true;
        this.expiresMs = this.clock.now() + limits.linkTtlMs.value;
        return { type: "done", id: 1 };
      case "closeLink":
        this.isOpen = false;
        return { type: "done", id: 1 };
      case "putLink":
        this.assertOpen(link);
        if (this.bodies.has(step) && toHex(this.bodies.get(step) ?? body) !== toHex(body)) {
          throw new SottoError("linkUsed");
        }
        this.bodies.set(step, body.slice());
        return { type: "done", id: 1 };
      case "takeLink":
        this.assertOpen(link);
        if (step === "provision" && this.bodies.has(step)) this.fetched.resolve();
        return { type: "linkBody", id: 1, body: this.bodies.get(step) };
      default:
        throw new Error(`no link asks ${frame.type}`);
    }
  }

  private assertOpen(link: Uint8Array): void {
    if (!this.isOpen || toHex(link) !== this.link || this.clock.now() >= this.expiresMs) {
      throw new SottoError("linkExpired");
    }
  }
}

/** The account of the tests, as it is handed over. */
export const provision: LinkRecord<"provision"> = {
  account: parseAccountId("00112233-4455-6677-8899-aabbccddeeff"),
  userId: "alice",
  identityPublic: Uint8Array.of(5, ...new Uint8Array(32).fill(1)),
  identityPrivate: new Uint8Array(32).fill(2),
  profileKey: new Uint8Array(32).fill(3),
  profileKeyVersion: 4,
  nameVersion: 0,
  policy: "everyone",
  policyVersion: 0,
};

/** The device that registers behind a link. */
export const newDevice: LinkedDevice = {
  device: parseDeviceId(2),
  name: "phone",
  addedMs: 1,
  seenMs: 0,
  current: "other",
};

/** Both sides of one link. */
export class LinkWorld {
  readonly clock = manualClock();
  readonly rendezvous = new MemoryRendezvous(this.clock);
  /** Registration ids the old side watches for. */
  readonly watched: number[] = [];
  /** Settles when the new device is registered. */
  arrival: () => Promise<LinkedDevice> = () => this.rendezvous.fetched.promise.then(() => newDevice);

  constructor(private readonly engine: Engine) {}

  /** Opens a link on the old side. */
  open(): Promise<DeviceLink> {
    return DeviceLink.open({
      relay: this.rendezvous.side("old"),
      engine: this.engine,
      cipher: aesGcm,
      clock: this.clock,
      random: systemRandom,
      meeting: { relay: "http://localhost:8787", root: new Uint8Array(32).fill(9) },
      provision: () => provision,
      watch: async (registrationId) => {
        this.watched.push(registrationId);
        return () => this.arrival();
      },
    });
  }

  /** Joins on the new side; `shown` resolves with the code its user sees. */
  join(uri: string, over: Partial<JoiningSteps> = {}, signal = new Cancellation()): Joiner {
    let show: (code: string) => void = () => undefined;
    const shown = new Promise<string>((resolve) => {
      show = resolve;
    });
    const { confirm = () => true, ...rest } = over;
    const provisioned = joinOver(
      {
        platform: { clock: this.clock, cipher: aesGcm },
        engine: this.engine,
        offer: decodeLinkUri(uri),
        deviceName: "phone",
        registrationId: 77,
        ...rest,
        confirm: (code) => {
          show(code);
          return confirm(code);
        },
      },
      this.rendezvous.side("new"),
      signal,
    );
    provisioned.catch(() => undefined);
    return { shown, provisioned };
  }

  /** A link that a new device joined and whose user said yes there. */
  async joined(): Promise<{ readonly link: DeviceLink; readonly code: string } & Joiner> {
    const link = await this.open();
    const joiner = this.join(link.uri);
    await this.turn();
    return { link, ...joiner, code: await joiner.shown };
  }

  /** Lets both sides look for each other's steps a few times. */
  async turn(): Promise<void> {
    for (let look = 0; look < 6; look++) await this.clock.advance(400);
  }
}

/** The new side of a link. */
export interface Joiner {
  readonly shown: Promise<string>;
  readonly provisioned: Promise<LinkRecord<"provision">>;
}

/** Another code than this one. */
export function otherCode(code: string): string {
  return code.startsWith("0") ? `1${code.slice(1)}` : `0${code.slice(1)}`;
}
