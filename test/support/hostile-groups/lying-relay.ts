/** A relay that lies to one client: a proxy before the real one that reads every frame, and may answer otherwise or not at all. */

import {
  type AccountId,
  accountIdToBytes,
  decodeFrame,
  encodeFrame,
  type FrameToClient,
  type FrameToRelay,
} from "@sotto/protocol";
import { type Passing, type RunningProxy, startProxy } from "../hostile-relay/index.js";
import type { World } from "../world.js";

/** Decides what the client is told instead of a frame, in order: none withholds it. `asked` is the request that it answers. */
export type Lie = (
  told: FrameToClient,
  asked: FrameToRelay | undefined,
) => readonly FrameToClient[] | Promise<readonly FrameToClient[]>;

const honest: Lie = (told) => [told];

/** One client's way to the relay. */
export class LyingRelay {
  /** What the client asked for, in order; heartbeats are left out. */
  readonly asked: FrameToRelay[] = [];
  private lie: Lie = honest;
  private onAsked: (frame: FrameToRelay) => FrameToRelay = (frame) => frame;
  private readonly open = new Map<string, FrameToRelay>();
  private proxy: RunningProxy | undefined;

  /** Starts between one client and the relay of a world, honest. */
  static async start({ url }: Pick<World, "url">): Promise<LyingRelay> {
    const relay = new LyingRelay();
    relay.proxy = await startProxy({ upstream: url, rewrite: (passing) => relay.pass(passing) });
    return relay;
  }

  /** The address of this client. */
  get url(): string {
    if (this.proxy === undefined) throw new Error("not started");
    return this.proxy.url;
  }

  /** Lies from now on; without a lie it is honest again. */
  become(lie: Lie = honest): void {
    this.lie = lie;
  }

  /** Changes what the client asks for before the real relay hears it. */
  rephrase(onAsked: (frame: FrameToRelay) => FrameToRelay): void {
    this.onAsked = onAsked;
  }

  /** Everything of one type that the client asked for. */
  askedFor<Type extends FrameToRelay["type"]>(type: Type): readonly Extract<FrameToRelay, { readonly type: Type }>[] {
    return this.asked.filter((frame): frame is Extract<FrameToRelay, { readonly type: Type }> => frame.type === type);
  }

  /** Cuts the client's present connections. */
  cut(): void {
    this.proxy?.cutAll();
  }

  async close(): Promise<void> {
    await this.proxy?.close();
  }

  private async pass({ direction, bytes, connection }: Passing): Promise<readonly Uint8Array[]> {
    if (direction === "toRelay") {
      const frame = this.onAsked(decodeFrame(bytes, "toRelay"));
      if ("id" in frame) this.open.set(`${connection}/${frame.id}`, frame);
      if (frame.type !== "ping") this.asked.push(frame);
      return [encodeFrame(frame)];
    }
    const told = decodeFrame(bytes, "toClient");
    const asked = "id" in told ? this.open.get(`${connection}/${told.id}`) : undefined;
    const said = await this.lie(told, asked);
    return said.map((frame) => (frame === told ? bytes : encodeFrame(frame)));
  }
}

/** Whether a message for many names an account among those it is sealed to. */
export function names(message: Uint8Array, account: AccountId): boolean {
  return Buffer.from(message).includes(Buffer.from(accountIdToBytes(account)));
}
