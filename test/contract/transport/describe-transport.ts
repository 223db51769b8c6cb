/** What every transport does, over real sockets on 127.0.0.1. */

import { afterEach, describe } from "vitest";
import { behavesUnderBackpressure } from "./backpressure.js";
import { endClients } from "./client-side.js";
import { survivesHostilePeers } from "./hostile.js";
import { answersHttp } from "./http.js";
import { keepsItsLifecycle } from "./lifecycle.js";
import { carriesMessages } from "./messages.js";
import { closeServers, type MakeTransport } from "./server-side.js";

/** Runs the contract of the `Transport` port against an adapter. */
export function describeTransport(name: string, makeTransport: MakeTransport): void {
  describe(`the transport on ${name}`, () => {
    afterEach(async () => {
      endClients();
      await closeServers();
    });
    carriesMessages(makeTransport);
    behavesUnderBackpressure(makeTransport);
    keepsItsLifecycle(makeTransport);
    answersHttp(makeTransport);
    survivesHostilePeers(makeTransport);
  });
}
