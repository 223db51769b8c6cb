/** The desk's always-reconnecting link to its relay: requests go out, and what devices ask comes in. */

import { type FailureCode, type FrameToClient, SottoError } from "@sotto/protocol";
import type { Clock, Log, Random } from "../../ports.js";
import type { RelayEvents, RelayLink } from "../ports.js";
import { AskQueue } from "./asks.js";
import { nextDelayMs, type Pace } from "./backoff.js";
import { type CheckRoot, DeskConnection, type LinkKeys } from "./connection.js";
import { type AnswerOf, type FieldsOf, type RequestName, Requests } from "./requests.js";
import { type DialRelay, dialRelay } from "./socket.js";

/** What a link is made of. */
export interface DeskLinkParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dial?: DialRelay;
}

/** Where the relay is, what the desk proves itself with, and who is told. */
export interface LinkStart {
  /** The relay's WebSocket. */
  readonly url: string;
  readonly keys: LinkKeys;
  readonly checkRoot: CheckRoot;
  readonly events: RelayEvents;
}

/** A link that was made; it dials once it is started. */
export interface DeskLink extends RelayLink {
  /** Dials, and tells of everything that comes. Once. */
  start(start: LinkStart): void;
  /** Whether the relay is there now. */
  readonly isLive: boolean;
  /** Resolves once the relay has taken a realm document. */
  readonly realmServed: Promise<void>;
  /** Ends it: what is unanswered rejects. Idempotent. */
  close(): void;
}

/** A connection that lived this long was sound: the next wait is short again. */
const STABLE_MS = 30_000;

/** A link to a relay. Nothing is dialled before `start`. */
export function openLink(parts: DeskLinkParts): DeskLink {
  return new Link(parts);
}

/** One connection with what it carries. */
interface Live {
  readonly requests: Requests;
  readonly asks: AskQueue;
}

class Link implements DeskLink {
  readonly realmServed: Promise<void>;
  readonly #parts: DeskLinkParts;
  #served: () => void = () => undefined;
  #connection: DeskConnection | undefined;
  #live: Live | undefined;
  #liveSinceMs = 0;
  #failures = 0;
  #waiting: { cancel(): void } | undefined;
  #isClosed = false;
  #saidWhy: FailureCode | undefined;

  constructor(parts: DeskLinkParts) {
    this.#parts = parts;
    this.realmServed = new Promise((resolve) => {
      this.#served = resolve;
    });
  }

  get isLive(): boolean {
    return this.#live !== undefined;
  }

  start(start: LinkStart): void {
    if (!this.#isClosed) this.#dial(start);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting?.cancel();
    this.#connection?.lose("closed", "the desk stops");
  }

  async putRealm(document: Uint8Array): Promise<void> {
    await this.#ask("putRealm", { document });
    this.#served();
  }

  async stampKeys(from: number): ReturnType<RelayLink["stampKeys"]> {
    return (await this.#ask("fetchStampKeys", { from })).keys;
  }

  async reports(after: number): ReturnType<RelayLink["reports"]> {
    const { reports, more } = await this.#ask("fetchReports", { after });
    return { reports, more: more === "yes" };
  }

  async acknowledgeReports(upTo: number): Promise<void> {
    await this.#ask("acknowledgeReports", { upTo });
  }

  async enforce(sanction: Uint8Array): Promise<void> {
    await this.#ask("enforce", { sanction });
  }

  async notify(account: Parameters<RelayLink["notify"]>[0]): Promise<void> {
    await this.#ask("notify", { account });
  }

  async #ask<Name extends RequestName>(type: Name, fields: FieldsOf<Name>): Promise<AnswerOf<Name>> {
    if (this.#live === undefined) throw new SottoError("offline", { detail: "the relay is away" });
    return this.#live.requests.ask(type, fields);
  }

  #dial(start: LinkStart): void {
    const { url, keys, checkRoot, events } = start;
    const { clock, dial = dialRelay } = this.#parts;
    const connection = new DeskConnection({
      url,
      keys,
      checkRoot,
      clock,
      dial,
      live: () => this.#reached(connection, events),
      frame: (frame) => this.#hear(frame, events),
      lost: (error) => this.#lost(error, start),
    });
    this.#connection = connection;
  }

  #reached(connection: DeskConnection, events: RelayEvents): void {
    const { clock, log } = this.#parts;
    this.#live = {
      requests: new Requests({
        clock,
        send: (frame) => connection.send(frame),
        overdue: () => connection.lose("timeout", "a request without an answer"),
      }),
      asks: new AskQueue({
        asked: (account, device, body) => events.asked(account, device, body),
        log,
        answer: (frame) => connection.send(frame),
      }),
    };
    this.#liveSinceMs = clock.monotonic();
    this.#saidWhy = undefined;
    log.info("deskLinked");
    events.connected();
  }

  #hear(frame: FrameToClient, events: RelayEvents): void {
    switch (frame.type) {
      case "deskAsked":
        this.#live?.asks.take(frame);
        break;
      case "reportsWaiting":
        events.reportsWaiting();
        break;
      case "done":
      case "failed":
      case "stampKeys":
      case "reports": {
        const wrong = this.#live?.requests.answer(frame);
        if (wrong !== undefined) this.#connection?.lose("badRelay", wrong);
        break;
      }
      default:
        this.#connection?.lose("badRelay", `${frame.type} to a desk`);
    }
  }

  #lost(error: SottoError, start: LinkStart): void {
    const { clock, random } = this.#parts;
    const live = this.#live;
    this.#live = undefined;
    live?.asks.end();
    live?.requests.end(error);
    if (this.#isClosed) return;
    if (live !== undefined && clock.monotonic() - this.#liveSinceMs >= STABLE_MS) this.#failures = 0;
    this.#failures += 1;
    const pace = paceAfter(error.code);
    this.#say(error.code, pace);
    const chance = (random.bytes(1)[0] ?? 0) / 256;
    this.#waiting = clock.after(nextDelayMs(this.#failures, pace, chance), () => {
      if (!this.#isClosed) this.#dial(start);
    });
  }

  /** One line for each reason in a row, not one for each attempt. */
  #say(code: FailureCode, pace: Pace): void {
    if (this.#saidWhy === code) return;
    this.#saidWhy = code;
    this.#parts.log.warn("deskLinkLost", { failure: code, ...(pace === "soon" ? {} : { remedy: remedyOf(code) }) });
  }
}

function paceAfter(code: FailureCode): Pace {
  switch (code) {
    case "displaced":
      return "rare";
    case "badCredentials":
    case "notAuthenticated":
    case "unsupportedVersion":
    case "wrongRoot":
      return "slow";
    default:
      return "soon";
  }
}

function remedyOf(code: FailureCode): string {
  switch (code) {
    case "displaced":
      return "another desk uses the same key: run one desk for a relay";
    case "wrongRoot":
      return "the relay's root is another one than SOTTO_DESK_RELAY_ROOT or than the one this desk knows";
    case "unsupportedVersion":
      return "relay and desk speak different protocol versions: update the older";
    default:
      return "give the relay this desk's public key as SOTTO_DESK_KEY; sotto-desk key shows it";
  }
}
