/** One life of a device: a platform and a store that can be cut off from the network, and that can die without a word. */

import { decodeFrame, type MessageId } from "@sotto/protocol";
import type { Platform, Socket, StoreChoice } from "@sotto/sdk";
import { levelStore } from "@sotto/sdk/node";
import { eagerPlatform } from "../crash/eager-platform.js";
import { Acceptances, type Line } from "./acceptances.js";
import { CrashableStore } from "./crashable-store.js";
import type { KeyWatch } from "./key-watch.js";

/** No close code: the connection is gone as if a cable was pulled. */
const CUT = 1006;
const NORMAL_CLOSURE = 1000;
/** Waits below this are pauses between tries, and are hurried; from here on they are limits, and are kept. */
const SHORTEST_LIMIT_MS = 5_000;
const HURRY = 10;

/** What a life needs. */
export interface LifeParts {
  readonly folder: string;
  readonly watch: KeyWatch;
  /** A frame passed that is no heartbeat. */
  moved(): void;
  /** The SDK found something worth a look. */
  warned(event: string): void;
  /** The relay said when it accepted a message; it may say so again. */
  accepted(id: MessageId, acceptedMs: number): void;
}

/** From opening to closing, crash or end. */
export class Life {
  readonly platform: Platform;
  readonly choice: StoreChoice;
  readonly store: CrashableStore;
  private state: "up" | "cut" | "dead" = "up";
  private readonly cables = new Set<() => void>();
  private readonly acceptances: Acceptances;
  private delivered = 0;
  private acknowledged = 0;

  constructor(private readonly parts: LifeParts) {
    const { store, key } = levelStore(parts.folder);
    this.store = new CrashableStore(store);
    this.choice = { store: this.store, key };
    this.acceptances = new Acceptances((id, acceptedMs) => parts.accepted(id, acceptedMs));
    this.platform = this.makePlatform(eagerPlatform((event) => parts.warned(event)));
    void this.store.stopped.then(() => this.die());
  }

  /** Whether everything that was delivered on the last connection is processed. */
  get isDrained(): boolean {
    return this.acknowledged >= this.delivered;
  }

  /** Pulls the cable: present connections are gone, new ones fail. */
  cut(): void {
    if (this.state !== "dead") this.state = "cut";
    this.pull();
  }

  /** Plugs the cable in again; the client dials by itself. */
  rejoin(): void {
    if (this.state === "cut") this.state = "up";
  }

  /** Ends without a word: no timer fires, no socket speaks, no write happens. Idempotent. */
  die(): void {
    this.state = "dead";
    this.store.stop();
    this.pull();
  }

  private pull(): void {
    for (const cable of [...this.cables]) cable();
  }

  private makePlatform(inner: Platform): Platform {
    return {
      ...inner,
      engine: async () => this.acceptances.engine(this.parts.watch.engine(await inner.engine())),
      clock: {
        now: () => inner.clock.now(),
        after: (delayMs, work) =>
          inner.clock.after(delayMs < SHORTEST_LIMIT_MS ? delayMs / HURRY : delayMs, () => {
            if (this.state !== "dead") work();
          }),
      },
      dial: (url, events) => {
        let isGone = false;
        const gone = (code: number) => {
          if (isGone) return;
          isGone = true;
          this.cables.delete(cable);
          if (this.state !== "dead") events.closed(code);
        };
        const socket = this.state === "up" ? inner.dial(url, { opened, message, closed: gone }) : undefined;
        const cable = () => {
          // Not within the call: a network never answers there.
          setImmediate(() => gone(CUT));
          socket?.close(NORMAL_CLOSURE);
        };
        this.cables.add(cable);
        if (socket === undefined) cable();
        const isOff = () => isGone || this.state !== "up";
        const { noteIn, noteOut } = this;
        const line = this.acceptances.line();
        function opened() {
          if (!isOff()) events.opened();
        }
        function message(bytes: Uint8Array) {
          if (isOff()) return;
          noteIn(bytes, line);
          events.message(bytes);
        }
        return {
          send(bytes) {
            if (isOff()) return;
            noteOut(bytes, line);
            socket?.send(bytes);
          },
          get bufferedBytes() {
            return socket?.bufferedBytes ?? 0;
          },
          close: (code) => socket?.close(code),
        } satisfies Socket;
      },
    };
  }

  private readonly noteIn = (bytes: Uint8Array, line: Line): void => {
    const frame = decodeFrame(bytes, "toClient");
    if (frame.type === "pong") return;
    this.parts.moved();
    if (frame.type === "welcome" && frame.device !== undefined) {
      this.delivered = 0;
      this.acknowledged = 0;
    }
    if (frame.type === "accepted") line.answered(frame);
    if (frame.type === "deliver") this.delivered = Math.max(this.delivered, frame.cursor);
  };

  private readonly noteOut = (bytes: Uint8Array, line: Line): void => {
    const frame = decodeFrame(bytes, "toRelay");
    if (frame.type === "ping") return;
    this.parts.moved();
    if (frame.type === "acknowledge") this.acknowledged = Math.max(this.acknowledged, frame.upTo, ...frame.also);
    if (frame.type === "sendGroup") this.parts.watch.left(frame.message);
    if (frame.type !== "send") return;
    line.asked(frame);
    for (const { envelopes } of frame.recipients) for (const { body } of envelopes) this.parts.watch.left(body);
  };
}
