import { describe, expect, it } from "vitest";
import { heldBufferBytes } from "../../support/held-memory.js";
import { answerOf, bodyHead, RawPeer } from "./client-side.js";
import { type MakeTransport, serve } from "./server-side.js";

const MIB = 1_048_576;
const LENGTH_BYTES = 128 * MIB;
/** What may be held besides a piece or two: what the kernel of this machine hands over at once. */
const MAX_HELD_BYTES = 48 * MIB;
const PIECE = Buffer.alloc(262_144, 7);

/** One end that takes its time, and looks at how much this process holds meanwhile, what can be collected left out. */
class SlowEnd {
  bytes = 0;
  highest = 0;
  private looked = 0;
  private rested = 0;

  private constructor(private readonly before: number) {}

  static async start(): Promise<SlowEnd> {
    return new SlowEnd(await heldBufferBytes());
  }

  /** A promise where it takes its time. */
  take(bytes: number): Promise<void> | undefined {
    this.bytes += bytes;
    if (this.bytes - this.rested < MIB) return undefined;
    this.rested = this.bytes;
    return this.rest();
  }

  private async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (this.bytes - this.looked < 32 * MIB) return;
    this.looked = this.bytes;
    this.highest = Math.max(this.highest, (await heldBufferBytes()) - this.before);
  }
}

async function write(peer: RawPeer, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= PIECE.length) {
    if (peer.socket.write(PIECE.subarray(0, Math.min(left, PIECE.length)))) continue;
    await new Promise<void>((resolve) => peer.socket.once("drain", resolve));
  }
}

/** As much as fits nowhere, through a slow end. */
export function carriesLargeBodies(makeTransport: MakeTransport): void {
  describe("large bodies", () => {
    it("hands 128 MiB to slow rules in bounded memory", async () => {
      const end = await SlowEnd.start();
      const server = await serve(makeTransport, {
        async request({ body }) {
          for await (const piece of body ?? []) await end.take(piece.length);
          return { status: 200, headers: {}, body: String(end.bytes) };
        },
      });
      const peer = await RawPeer.open(server.port);
      peer.socket.write(bodyHead(LENGTH_BYTES));
      await write(peer, LENGTH_BYTES);
      expect(await answerOf(peer)).toMatchObject({ status: 200, body: String(LENGTH_BYTES) });
      expect(end.highest).toBeLessThan(MAX_HELD_BYTES);
      // The socket is read on, however often it was paused.
      peer.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      expect((await answerOf(peer)).status).toBe(200);
    }, 60_000);

    it("sends 128 MiB to a slow taker in bounded memory", async () => {
      const end = await SlowEnd.start();
      async function* pieces() {
        for (let left = LENGTH_BYTES; left > 0; left -= PIECE.length) yield Buffer.from(PIECE);
      }
      const server = await serve(makeTransport, {
        request: () => ({ status: 200, headers: {}, body: { lengthBytes: LENGTH_BYTES, pieces: pieces() } }),
      });
      const peer = await RawPeer.open(server.port);
      peer.socket.removeAllListeners("data");
      const taken = new Promise<void>((resolve) => {
        peer.socket.on("data", (chunk) => {
          const rest = end.take(chunk.length);
          if (rest !== undefined) peer.socket.pause();
          rest?.then(() => peer.socket.resume());
          if (end.bytes > LENGTH_BYTES) resolve();
        });
      });
      peer.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await taken;
      expect(end.highest).toBeLessThan(MAX_HELD_BYTES);
    }, 60_000);
  });
}
