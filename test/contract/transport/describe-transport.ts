/** What every transport does, over real sockets on 127.0.0.1. */

import { afterEach, describe } from "vitest";
import { behavesUnderBackpressure } from "./backpressure.js";
import { takesBodies } from "./bodies.js";
import { endClients } from "./client-side.js";
import { answersEarly } from "./early-answers.js";
import { survivesHostilePeers } from "./hostile.js";
import { survivesHostileBodies } from "./hostile-bodies.js";
import { answersHttp } from "./http.js";
import { carriesLargeBodies } from "./large-bodies.js";
import { keepsItsLifecycle } from "./lifecycle.js";
import { carriesMessages } from "./messages.js";
import { closeServers, type MakeTransport } from "./server-side.js";
import { boundsSlowPeers } from "./slow-peers.js";
import { streamsAnswers } from "./streams.js";

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
    takesBodies(makeTransport);
    answersEarly(makeTransport);
    streamsAnswers(makeTransport);
    boundsSlowPeers(makeTransport);
    carriesLargeBodies(makeTransport);
    survivesHostilePeers(makeTransport);
    survivesHostileBodies(makeTransport);
  });
}
