/** One socket from its first frame to its close: greets, then hands requests to their rules and mail to the device. */

import {
  type CloseReason,
  closeCodes,
  decodeFrame,
  encodeFrame,
  type FrameToClient,
  type FrameToRelay,
  failures,
  frames,
  limits,
  type Stage,
  type WireFailureCode,
} from "@sotto/protocol";
import type { Connection, ConnectionHandler, Notice } from "../ports.js";
import { AttendedMailbox } from "./attended-mailbox.js";
import { failureOf } from "./failure.js";
import { Greeter, type Welcomed } from "./greeter.js";
import type { Bucket } from "./limiter.js";
import type { MailboxStream } from "./mailbox-stream.js";
import { Outbox } from "./outbox.js";
import { answerRequest } from "./requests.js";
import type { Caller, DeviceIdentity, RequestFrame, Rules } from "./rules.js";
import { Turns } from "./turns.js";

/** The handler of one socket. Holds no timer and no map of its own: ten thousand of these are idle most of the time. */
export class ClientConnection implements ConnectionHandler, Caller {
  readonly turns = new Turns();
  private stage: Stage | "closed" = "greeting";
  private greeter: Greeter | undefined;
  private mailbox: AttendedMailbox | undefined = undefined;
  private wasNewsMissed = false;
  private readonly frameBucket: Bucket;
  private unanswered = 0;
  private readonly outbox: Outbox;
  private closedAs: CloseReason | undefined = undefined;

  constructor(
    private readonly rules: Rules,
    private readonly connection: Connection,
    private readonly forget: (gone: ClientConnection) => void,
  ) {
    this.outbox = new Outbox(connection, rules.outgoing);
    this.frameBucket = rules.limiters.own("framesPerConnection");
    this.greeter = new Greeter(rules, this);
    rules.metrics.gauge("greetingConnections", 1);
  }

  get device(): DeviceIdentity | undefined {
    return this.mailbox?.device;
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  /** Opens the greeting. */
  open(): void {
    this.greeter?.handle({ kind: "opened" });
  }

  message(message: Uint8Array): void {
    if (this.stage === "closed") return;
    try {
      this.read(message);
    } catch (cause) {
      this.broken(cause);
    }
  }

  drained(): void {
    this.mailbox?.stream.drained();
  }

  closed(): void {
    this.leave();
    this.rules.metrics.count("connectionsClosed", this.closedAs ?? "peer");
    this.forget(this);
  }

  /** Looks at the time: a greeting that takes too long, a peer that went silent. */
  tick(nowMs: number): void {
    if (this.greeter !== undefined) this.greeter.handle({ kind: "tick" });
    // Every frame looks at its bucket, so the bucket knows when the last one came.
    else if (nowMs - this.frameBucket.atMs > limits.silenceMs.value) this.close("silent");
  }

  /** The mailbox this connection streams, once it does. */
  get mailboxStream(): MailboxStream | undefined {
    return this.mailbox?.stream;
  }

  /** Takes a notice of the bus. Never throws: it is called in the middle of somebody else's send. */
  notice(notice: Notice): void {
    try {
      if (notice.kind === "displaced" || notice.kind === "revoked") this.close(notice.kind);
      else if (this.mailbox !== undefined) this.mailbox.notice(notice);
      else if (notice.kind === "devicesChanged") this.wasNewsMissed = true;
      // Before the welcome the rest is lost without harm: the stream reads what is stored, the welcome counts the keys.
    } catch (cause) {
      this.broken(cause);
    }
  }

  welcomed(as: Welcomed): void {
    this.greeter = undefined;
    const stage = typeof as === "string" ? as : "device";
    this.stage = stage;
    this.rules.metrics.gauge("greetingConnections", -1);
    this.rules.metrics.gauge(`${stage}Connections`, 1);
    if (as === "desk") this.welcomedDesk();
    if (typeof as === "string") return;
    this.mailbox = new AttendedMailbox(this.rules, as, this);
    this.mailbox.stream.start();
    // The welcome may list the devices as they were before the change.
    if (this.wasNewsMissed) this.mailbox.notice({ kind: "devicesChanged" });
  }

  private welcomedDesk(): void {
    this.rules.desk.attach(this);
    if (this.rules.reports.count > 0) this.answer({ type: "reportsWaiting" });
  }

  answer(frame: FrameToClient): void {
    this.push(encodeFrame(frame));
  }

  fail(id: number, code: WireFailureCode, retryAfterMs?: number): void {
    this.rules.metrics.count("failuresAnswered", code);
    this.answer({ type: "failed", id, failure: failures[code].wire, retryAfterMs });
  }

  push(message: Uint8Array): void {
    if (this.stage !== "closed") this.outbox.push(message);
  }

  isCongested(): boolean {
    return this.outbox.isCongested();
  }

  streamFailed(): void {
    this.close("unavailable");
  }

  close(reason: CloseReason): void {
    if (this.stage === "closed") return;
    this.outbox.flush();
    this.leave();
    this.closedAs = reason;
    this.connection.close(closeCodes[reason], reason);
  }

  /** Takes no part in anything any more. Idempotent. */
  private leave(): void {
    if (this.stage === "closed") return;
    const left = this.stage;
    this.stage = "closed";
    this.greeter?.handle({ kind: "closed" });
    this.greeter = undefined;
    this.mailbox?.leave();
    if (left === "desk") this.rules.desk.detach(this);
    this.rules.metrics.gauge(`${left}Connections`, -1);
  }

  private read(message: Uint8Array): void {
    const nowMs = this.rules.clock.monotonic();
    if (this.rules.limiters.takeOwn("framesPerConnection", this.frameBucket, nowMs) > 0) {
      this.close("flooding");
      return;
    }
    const frame = decoded(message);
    if (frame !== undefined) this.rules.metrics.count("framesReceived", frame.type);
    if (this.greeter !== undefined) this.greeter.handle(frame ? { kind: "frame", frame } : { kind: "undecodable" });
    else if (frame === undefined) this.close("badFrame");
    else this.take(frame, nowMs);
  }

  private take(frame: FrameToRelay, nowMs: number): void {
    const stages: readonly (Stage | "closed")[] = frames[frame.type].stages;
    if (!stages.includes(this.stage)) {
      if ("id" in frame) this.fail(frame.id, "notAuthenticated");
      this.close("badFrame");
      return;
    }
    switch (frame.type) {
      case "ping":
        this.answer({ type: "pong", id: frame.id, serverTimeMs: this.rules.clock.now() });
        break;
      case "acknowledge":
        if (this.mailbox?.stream.acknowledge(frame.upTo, frame.also) === false) this.close("badFrame");
        break;
      case "authenticate":
      case "anonymous":
      case "register":
      case "deskAuthenticate":
        this.close("badFrame");
        break;
      case "deskAnswered":
        this.rules.desk.answered(this, frame.ask, frame.body);
        break;
      default:
        this.request(frame, nowMs);
    }
  }

  private request(frame: RequestFrame, arrivedMs: number): void {
    if (this.unanswered >= limits.requestsInFlight.value) this.close("flooding");
    else if (this.rules.isDraining) this.fail(frame.id, "busy");
    else {
      this.unanswered += 1;
      this.rules.inFlight.begin();
      answerRequest(this.rules, this, frame, arrivedMs).then(
        () => this.answered(),
        (cause) => this.broke(frame, cause),
      );
    }
  }

  private broken(cause: unknown): void {
    this.rules.log.error("connectionBroke", cause);
    this.close("internal");
  }

  private answered(): void {
    this.unanswered -= 1;
    this.rules.inFlight.end();
  }

  private broke(frame: RequestFrame, cause: unknown): void {
    const { failure, retryAfterMs } = failureOf(cause, this.rules.log, frame.type);
    this.fail(frame.id, failure, retryAfterMs);
    this.answered();
    if (failure === "notAuthenticated") this.close("revoked");
  }
}

function decoded(message: Uint8Array): FrameToRelay | undefined {
  try {
    return decodeFrame(message, "toRelay");
  } catch {
    return undefined;
  }
}
