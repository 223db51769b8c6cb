/** Keeps the gauge of what the blobs hold at what they hold. */

import type { Blobs, Metrics } from "../../ports.js";

/** Tells the metrics, which take differences, what the blobs answer, which is a total. */
export class FolderGauge {
  private toldBytes = 0;

  constructor(
    private readonly blobs: Pick<Blobs, "usage">,
    private readonly metrics: Pick<Metrics, "gauge">,
  ) {
    this.note();
  }

  /** To be called when blobs came or went. */
  note(): void {
    const { bytes } = this.blobs.usage();
    if (bytes === this.toldBytes) return;
    this.metrics.gauge("blobBytes", bytes - this.toldBytes);
    this.toldBytes = bytes;
  }
}
