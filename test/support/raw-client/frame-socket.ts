/** A socket to a relay that speaks frames and nothing else: whatever a test says is sent, whatever comes is kept. */

import { once } from "node:events";
import { decodeFrame, encodeFrame, type FrameToClient, type FrameToRelay, PROTOCOL_VERSION } from "@sotto/protocol";
import { WebSocket } from "ws";

/** A request as its maker writes it; the socket numbers it. */
export type Asking = {
  [Type in FrameToRelay["type"]]: Omit<Extract<FrameToRelay, { readonly type: Type; readonly id: number }>, "id">;
}[FrameToRelay["type"]];

interface Waiter {
  readonly fits: (frame: FrameToClient) => boolean;
  readonly take: (frame: FrameToClient) => void;
}

/** One socket to a relay's `/v1`. */
export class FrameSocket {
  private readonly arrived: FrameToClient[] = [];
  private readonly waiters = new Set<Waiter>();
  private nextId = 1;
  /** The close code, once the socket is gone. */
  readonly closed: Promise<number>;

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data: Buffer) => this.take(decodeFrame(new Uint8Array(data), "toClient")));
    socket.on("error", () => undefined);
    // Not `once` of node:events, which rejects at an error: a refused connection closes too, and not everybody waits for it.
    this.closed = new Promise((resolve) => socket.once("close", resolve));
  }

  /** Connects; the challenge is the first frame to arrive. */
  static async open(url: string): Promise<FrameSocket> {
    const opened = new FrameSocket(
      new WebSocket(`${url.replace(/^http/, "ws")}/v1`, { perMessageDeflate: false, maxPayload: 2 ** 24 }),
    );
    await Promise.race([once(opened.socket, "open"), once(opened.socket, "close").then(() => fail("refused"))]);
    return opened;
  }

  /** Connects and makes it an anonymous connection. */
  static async anonymous(url: string): Promise<FrameSocket> {
    const opened = await FrameSocket.open(url);
    await opened.until("challenge");
    opened.send({ type: "anonymous", version: PROTOCOL_VERSION });
    await opened.until("welcome");
    return opened;
  }

  /** Sends a frame. */
  send(frame: FrameToRelay): void {
    this.sendBytes(encodeFrame(frame));
  }

  /** Sends one binary message, whatever it holds. */
  sendBytes(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  /** The next frame that fits, taken out of what arrived; rejects if the socket closes first. */
  nextThat(fits: (frame: FrameToClient) => boolean): Promise<FrameToClient> {
    const at = this.arrived.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.arrived.splice(at, 1)[0] as FrameToClient);
    return new Promise((resolve, reject) => {
      const waiter = { fits, take: resolve };
      this.waiters.add(waiter);
      this.closed.then((code) => {
        this.waiters.delete(waiter);
        reject(new Error(`closed with ${code}`));
      });
    });
  }

  /** The next frame of a type. */
  async until<Type extends FrameToClient["type"]>(type: Type): Promise<Extract<FrameToClient, { type: Type }>> {
    return (await this.nextThat((frame) => frame.type === type)) as Extract<FrameToClient, { type: Type }>;
  }

  /** Sends a request and answers whatever the relay answers to its number. */
  ask(request: Asking): Promise<FrameToClient> {
    const id = this.nextId++;
    const answer = this.nextThat((frame) => "id" in frame && frame.id === id);
    this.send({ ...request, id } as FrameToRelay);
    return answer;
  }

  /** Resolves when the relay has handled everything sent before. */
  async settled(): Promise<void> {
    await this.ask({ type: "ping" });
  }

  /** What arrived and was not asked for yet. */
  get unread(): readonly FrameToClient[] {
    return this.arrived;
  }

  /** Closes and waits for it. Idempotent. */
  async close(): Promise<void> {
    this.socket.resume();
    this.socket.close();
    await this.closed;
  }

  private take(frame: FrameToClient): void {
    for (const waiter of this.waiters) {
      if (!waiter.fits(frame)) continue;
      this.waiters.delete(waiter);
      waiter.take(frame);
      return;
    }
    this.arrived.push(frame);
  }
}

function fail(reason: string): never {
  throw new Error(reason);
}
