import { describe, it } from "vitest";
import { loadUws } from "../../../server/transport/load-uws.js";
import { uwsTransport } from "../../../server/transport/uws.js";
import { describeTransport } from "../../contract/transport/describe-transport.js";

const lookup = loadUws();

if (lookup.kind === "found") {
  describeTransport("uWebSockets.js", (log) => uwsTransport({ log, module: lookup.module }));
} else {
  describe("the transport on uWebSockets.js", () => {
    it.skip(`does not run here: ${lookup.reason}`, () => {});
  });
}
