import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../server/ops/metrics.js";

describe("metrics", () => {
  it("count, gauge and observe under the names of their rows, beside the process's own", async () => {
    const metrics = createMetrics();
    metrics.count("envelopesAccepted");
    metrics.count("bytesAccepted", undefined, 100);
    metrics.count("framesReceived", "send", 2);
    metrics.gauge("deviceConnections", 3);
    metrics.gauge("deviceConnections", -1);
    metrics.observe("acceptSeconds", 0.002);
    const { body, contentType } = await metrics.page();
    expect(contentType).toContain("text/plain");
    for (const line of [
      "sotto_envelopes_accepted_total 1",
      "sotto_bytes_accepted_total 100",
      'sotto_frames_received_total{frame="send"} 2',
      "sotto_device_connections 2",
      'sotto_accept_seconds_bucket{le="0.0025"} 1',
      "process_cpu_seconds_total",
    ]) {
      expect(body).toContain(line);
    }
  });

  it("do not grow with the values a caller can make up", async () => {
    const metrics = createMetrics();
    for (let value = 0; value < 10_000; value++) metrics.count("limited", `made-up-${value}`);
    const { body } = await metrics.page();
    expect(body.match(/^sotto_limited_total\{/gm)).toHaveLength(101);
    expect(body).toContain('sotto_limited_total{limiter="other"} 9900');
  });

  it("of two relays in one process are apart", async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.count("sendsRepeated");
    expect((await one.page()).body).toContain("sotto_sends_repeated_total 1");
    expect((await other.page()).body).toContain("sotto_sends_repeated_total 0");
  });
});
