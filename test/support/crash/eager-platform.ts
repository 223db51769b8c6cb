/** The Node platform for clients whose relay dies often. */

import { closeCodes } from "@sotto/protocol";
import type { Dial, Platform } from "@sotto/sdk";
import { nodePlatform } from "@sotto/sdk/node";

/** Bytes of chance that a link draws to spread its redials. */
const REDIAL_DRAW_BYTES = 4;

/**
 * The Node platform, with luck: every draw for the wait before a redial comes out shortest. After thirty lives of a relay
 * the honest back-off waits half a minute, which is right for relays and wrong for a test's time. `warned` hears what
 * the SDK found worth a look, and when the relay finds that the SDK broke the protocol.
 */
export function eagerPlatform(warned: (event: string) => void = () => undefined): Platform {
  const dial: Dial = (url, events) =>
    nodePlatform.dial(url, {
      opened: () => events.opened(),
      message: (bytes) => events.message(bytes),
      closed(code) {
        if (code === closeCodes.badFrame) warned("the relay refused what the client said");
        events.closed(code);
      },
    });
  return {
    ...nodePlatform,
    dial,
    random: {
      bytes: (size) => (size === REDIAL_DRAW_BYTES ? new Uint8Array(size) : nodePlatform.random.bytes(size)),
    },
    log: (level, event, fields = {}) => {
      // The desk of a relay in development mode is whoever comes first.
      if (level !== "info" && !event.startsWith("trusting the realm")) warned(`${event} ${JSON.stringify(fields)}`);
    },
  };
}
