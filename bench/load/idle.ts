/** Connections that are open and say nothing. */

import { type Dialect, inParallel, type Place, type Recipient } from "./dialect.js";
import { BenchSocket } from "./socket.js";

/** Connections opened at once: few, so that the relay's own garbage of greeting them stays small. */
const OPENED_AT_ONCE = 16;

/** Mailboxes made, nobody connected yet. */
export interface Idle {
  connect(): Promise<void>;
}

/** Opens plain WebSockets. */
export function idleSockets(place: Place, connections: number, failed: (reason: string) => void): Idle {
  return {
    async connect() {
      await inParallel(connections, OPENED_AT_ONCE, () =>
        BenchSocket.open({ ...place, path: "/v1" }, { message: () => undefined, closed: failed }),
      );
    },
  };
}

/** Registers devices, then opens one authenticated connection for each. */
export async function idleDevices(
  dialect: Dialect,
  connections: number,
  { generator, failed }: { readonly generator: number; failed(reason: string): void },
): Promise<Idle> {
  const recipients = await dialect.enrol(connections, generator);
  const open = (recipient: Recipient) =>
    new Promise<void>((resolve, reject) => {
      dialect.openReceiver(recipient, { delivered: () => undefined, queueEmpty: resolve, failed }).catch(reject);
    });
  return {
    async connect() {
      await inParallel(connections, OPENED_AT_ONCE, (index) => open(recipients[index] as Recipient));
    },
  };
}
