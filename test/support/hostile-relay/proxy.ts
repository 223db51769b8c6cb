/** A man in the middle: forwards to a real relay, and lets a hook drop, delay, repeat, reorder or damage every message. */

import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { listen } from "./loopback.js";

/** Messages of one direction that may wait in the hook before the sender is no longer read. */
const MAX_HELD = 64;

/** One message on its way. */
export interface Passing {
  readonly direction: "toRelay" | "toClient";
  readonly bytes: Uint8Array;
  /** How many messages of this connection went this way before. */
  readonly index: number;
  /** How many connections came before this one. */
  readonly connection: number;
  /** Cuts both TCP connections at once, without a close frame. */
  cut(): void;
}

/**
 * Decides what is forwarded instead of a message, in order: none drops it, two repeat it. What it holds back to forward
 * later reorders; what it answers late delays everything behind it in that direction.
 */
export type Rewrite = (passing: Passing) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;

/** Forwards everything as it is. */
export const passOn: Rewrite = ({ bytes }) => [bytes];

/** A running proxy. */
export interface RunningProxy {
  /** The address an app gives: `http://127.0.0.1:port`. */
  readonly url: string;
  /** Connections so far. */
  readonly connections: number;
  /** Uses another hook from now on, on present connections too. */
  become(rewrite: Rewrite): void;
  /** Cuts every present connection; new ones are taken. */
  cutAll(): void;
  /** Cuts every connection and frees the port. Idempotent. */
  close(): Promise<void>;
}

/** Starts a proxy before the relay at `upstream` (`http://host:port` or `ws://host:port`). */
export async function startProxy(options: {
  readonly upstream: string;
  readonly rewrite?: Rewrite;
}): Promise<RunningProxy> {
  const upstream = `${options.upstream.replace(/^http/, "ws").replace(/\/$/, "")}/v1`;
  let rewrite = options.rewrite ?? passOn;
  let connections = 0;
  const cuts = new Set<() => void>();

  const server = await listen((client, tcp) => {
    const connection = connections;
    connections += 1;
    const relay = new WebSocket(upstream, { perMessageDeflate: false });
    relay.on("error", () => undefined);
    const cut = cutterOf(relay, tcp);
    cuts.add(cut);
    const opened = new Promise<void>((resolve) => relay.once("open", resolve));
    const hook: Rewrite = (passing) => rewrite(passing);
    pipe({ from: client, to: relay, direction: "toRelay", ready: opened, connection, cut, hook });
    pipe({ from: relay, to: client, direction: "toClient", ready: Promise.resolve(), connection, cut, hook });
    client.once("close", () => cuts.delete(cut));
  });

  const cutAll = () => {
    for (const cut of cuts) cut();
  };
  return {
    url: server.url,
    get connections() {
      return connections;
    },
    become: (next) => {
      rewrite = next;
    },
    cutAll,
    close: async () => {
      cutAll();
      await server.close();
    },
  };
}

function cutterOf(relay: WebSocket, tcp: Duplex): () => void {
  return () => {
    tcp.destroy();
    relay.terminate();
  };
}

interface Pipe {
  readonly from: WebSocket;
  readonly to: WebSocket;
  readonly direction: Passing["direction"];
  /** When `to` takes messages. */
  readonly ready: Promise<void>;
  readonly connection: number;
  readonly hook: Rewrite;
  cut(): void;
}

/** Forwards one direction in order, reading no more than it can pass on; then its close. */
function pipe({ from, to, direction, ready, connection, hook, cut }: Pipe): void {
  let index = 0;
  let held = 0;
  let tail = ready;
  from.on("message", (message: Buffer) => {
    const passing = { direction, bytes: new Uint8Array(message), index, connection, cut };
    index += 1;
    held += 1;
    if (held > MAX_HELD) from.pause();
    tail = tail.then(async () => {
      for (const bytes of await hook(passing)) await sendTo(to, bytes);
      held -= 1;
      if (held <= MAX_HELD) from.resume();
    });
    tail.catch(cut);
  });
  from.once("close", (code) => {
    tail.then(
      () => closeWith(to, code),
      () => cut(),
    );
    // A side that never opened, or whose hook never answers, must not hold the other one open.
    if (to.readyState === WebSocket.CONNECTING || code === 1006) cut();
  });
}

function sendTo(socket: WebSocket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, { binary: true }, () => resolve()));
}

/** Passes a close on; codes that never travel (RFC 6455 §7.4.1) become a cut. */
function closeWith(socket: WebSocket, code: number): void {
  if (code === 1005) socket.close();
  else if (code === 1006 || code === 1015) socket.terminate();
  else socket.close(code);
}
