/** The greeting's shell: runs the effects of its steps on one connection. */

import { type CloseReason, encodeFrame, failures, PROTOCOL_VERSION, SottoError } from "@sotto/protocol";
import type { Notice } from "../ports.js";
import { type Admission, admit, type Held, type Proven } from "./admission.js";
import { authenticate } from "./authentication.js";
import { authenticateDesk } from "./desk/desk-authentication.js";
import { failureOf } from "./failure.js";
import {
  type Greeting,
  type GreetingAnswer,
  type GreetingEffect,
  type GreetingEvent,
  type GreetingFailure,
  opening,
  step,
} from "./greeting.js";
import { register } from "./registration.js";
import type { Rules } from "./rules.js";

/** What an anonymous connection is told. */
const NOTHING_HELD: Held = {
  oneTimeCount: 0,
  kyberCount: 0,
  highestPrekeyId: 0,
  head: 0,
  resumed: "no",
  devices: [],
};

/** What a connection is once it was greeted: a device's, nobody's, or the desk's. */
export type Welcomed = Admission | "anonymous" | "desk";

/** The connection that is greeted. */
export interface Greeted {
  readonly remoteAddress: string;
  push(message: Uint8Array): void;
  close(reason: CloseReason): void;
  notice(notice: Notice): void;
  /** The greeting went well. */
  welcomed(as: Welcomed): void;
}

/** Greets one connection; dropped when the greeting ended. */
export class Greeter {
  private state: Greeting = opening;
  private readonly nonce: Uint8Array;
  private as: Welcomed = "anonymous";

  constructor(
    private readonly rules: Rules,
    private readonly greeted: Greeted,
  ) {
    this.nonce = rules.random.bytes(32);
  }

  /** Takes one event and does what follows from it. */
  handle(event: GreetingEvent): void {
    const { state, effects } = step(this.state, event, this.rules.clock.monotonic());
    this.state = state;
    for (const effect of effects) this.run(effect);
  }

  private run(effect: GreetingEffect): void {
    const { clock, policy, signatures, metrics } = this.rules;
    switch (effect.kind) {
      case "challenge":
        this.greeted.push(
          encodeFrame({
            type: "challenge",
            version: PROTOCOL_VERSION,
            nonce: this.nonce,
            root: signatures.root,
            serverTimeMs: clock.now(),
            development: policy.registration === "open" ? "on" : "off",
          }),
        );
        break;
      case "check":
        void this.check(effect.answer);
        break;
      case "welcome":
        this.greeted.push(this.welcome());
        this.greeted.welcomed(this.as);
        break;
      case "refuse":
        metrics.count("failuresAnswered", effect.failure);
        this.greeted.push(
          encodeFrame({
            type: "refused",
            failure: failures[effect.failure].wire,
            retryAfterMs: effect.retryAfterMs,
            devices: effect.devices ?? [],
          }),
        );
        this.greeted.close(effect.close);
        break;
    }
  }

  private async check(answer: GreetingAnswer): Promise<void> {
    this.rules.inFlight.begin();
    try {
      await this.rules.opening.done();
      const proven = await this.prove(answer);
      if (proven === "anonymous" || proven === "desk") {
        this.as = proven;
        return this.handle({ kind: "passed" });
      }
      if ("failure" in proven) return this.handle({ kind: "failed", ...proven });
      if (this.state.kind !== "checking") return;
      // The listener lives as long as the connection and must not keep this greeter, which does not.
      const { greeted } = this;
      const admission = await admit(this.rules, proven, (notice) => greeted.notice(notice));
      if (this.state.kind !== "checking") return admission.attachment.detach();
      this.as = admission;
      this.handle({ kind: "passed" });
    } catch (cause) {
      this.handle({ kind: "failed", ...failureOf(cause, this.rules.log, answer.type) });
    } finally {
      this.rules.inFlight.end();
    }
  }

  private async prove(answer: GreetingAnswer): Promise<Proven | "anonymous" | "desk" | GreetingFailure> {
    const { remoteAddress } = this.greeted;
    if (this.rules.isDraining) throw new SottoError("busy", { detail: "the relay is about to stop" });
    this.rules.limiters.spend("greetingsPerAddress", remoteAddress);
    const challenge = { nonce: this.nonce, root: this.rules.signatures.root };
    switch (answer.type) {
      case "anonymous":
        return "anonymous";
      case "deskAuthenticate":
        authenticateDesk(this.rules, answer, challenge);
        return "desk";
      case "authenticate":
        return { device: await authenticate(this.rules, answer, challenge), resume: answer.resume };
      case "register": {
        const registration = await register(this.rules, answer, { challenge, remoteAddress });
        return registration.kind === "registered"
          ? { device: registration.device }
          : { failure: "deviceLimit", devices: registration.devices };
      }
    }
  }

  private welcome(): Uint8Array {
    const { clock, policy } = this.rules;
    if (this.as === "desk") return encodeFrame({ type: "deskWelcome", serverTimeMs: clock.now() });
    const admission = this.as === "anonymous" ? undefined : this.as;
    return encodeFrame({
      type: "welcome",
      account: admission?.device.account,
      device: admission?.device.device,
      ...(admission?.held ?? NOTHING_HELD),
      groupAccounts: policy.groupAccounts,
      groupRecipients: policy.groupRecipients,
      serverTimeMs: clock.now(),
    });
  }
}
