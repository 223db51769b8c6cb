/** A relay that does what a test's script says, on a real WebSocket: from honest to nonsense. */

import type { Duplex } from "node:stream";
import { decodeFrame, encodeFrame, type FrameToClient, type FrameToRelay } from "@sotto/protocol";
import type { WebSocket } from "ws";
import { listen } from "./loopback.js";

/** One client, as a script sees it. */
export interface Victim {
  /** How many connections came before this one. */
  readonly index: number;
  say(...frames: readonly FrameToClient[]): void;
  /** Sends one binary message; resolves once it was handed to the network, so that floods stay bounded here. */
  sayBytes(bytes: Uint8Array): Promise<void>;
  sayText(text: string): void;
  /** Writes to the TCP socket, below the WebSocket. */
  writeRaw(bytes: Uint8Array): void;
  /** Cuts the TCP connection without a close frame. */
  cut(): void;
  close(code: number): void;
  /** Calls back for every frame the client sends; one that does not decode cuts the connection. */
  onFrame(listener: (frame: FrameToRelay) => void): void;
  /** Whether the connection is gone. */
  readonly isGone: boolean;
}

/** What the relay does with each new connection. */
export type Script = (victim: Victim) => void | Promise<void>;

/** A relay under a script. */
export interface HostileRelay {
  /** The address an app gives: `http://127.0.0.1:port`. */
  readonly url: string;
  /** Connections so far. */
  readonly connections: number;
  /** Follows another script for connections from now on, and cuts the present ones. */
  become(script: Script): void;
  /** Cuts every connection and frees the port. Idempotent. */
  close(): Promise<void>;
}

/** Starts a relay that follows a script. */
export async function startHostileRelay(first: Script): Promise<HostileRelay> {
  let script = first;
  let connections = 0;
  const victims = new Set<Victim>();
  const server = await listen((socket, tcp) => {
    const victim = victimOf(socket, tcp, connections);
    connections += 1;
    victims.add(victim);
    socket.once("close", () => victims.delete(victim));
    void script(victim);
  });
  return {
    url: server.url,
    get connections() {
      return connections;
    },
    become: (next) => {
      script = next;
      for (const victim of victims) victim.cut();
    },
    close: server.close,
  };
}

function victimOf(socket: WebSocket, tcp: Duplex, index: number): Victim {
  const sayBytes = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(bytes, { binary: true }, () => resolve()));
  return {
    index,
    say: (...frames) => {
      for (const frame of frames) void sayBytes(encodeFrame(frame));
    },
    sayBytes,
    sayText: (text) => socket.send(text),
    writeRaw: (bytes) => void tcp.write(bytes),
    cut: () => void tcp.destroy(),
    close: (code) => socket.close(code),
    onFrame: (listener) => {
      socket.on("message", (message) => {
        let frame: FrameToRelay;
        try {
          frame = decodeFrame(message as Buffer, "toRelay");
        } catch {
          tcp.destroy();
          return;
        }
        listener(frame);
      });
    },
    get isGone() {
      return socket.readyState !== socket.OPEN;
    },
  };
}
