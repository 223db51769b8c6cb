import { describe, it } from "vitest";
import { uwsTransport } from "../../../server/transport/index.js";
import { loadUws } from "../../../server/transport/load-uws.js";
import { describeTransport } from "../../contract/transport/describe-transport.js";

const lookup = loadUws();

if (lookup.kind === "found") {
  describeTransport("uWebSockets.js", (options) => uwsTransport({ ...options, module: lookup.module }));
} else {
  console.log(`skipped: the transport on uWebSockets.js, which does not run here: ${lookup.reason}`);
  describe("the transport on uWebSockets.js", () => {
    it.skip(`does not run here: ${lookup.reason}`, () => {});
  });
}
