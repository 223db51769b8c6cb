/** The sender certificate this device seals with, renewed at half its life. */

import type { Relay } from "../relay.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** A certificate this close to its end is not sent with any more: the peer's clock may differ. */
const MARGIN_MS = 10 * 60_000;

/** Keeps one valid certificate. */
export class Certificates {
  private held: Row<"certificate"> | undefined;
  private renewing: Promise<Row<"certificate">> | undefined;
  private renewAtMs = 0;

  constructor(
    private readonly store: SealedStore,
    private readonly relay: Relay,
  ) {}

  /** A certificate that is valid for some minutes at least; asks the relay for one where needed. */
  async current(): Promise<Uint8Array> {
    this.held ??= await this.load();
    const nowMs = this.relay.nowMs();
    if (this.held !== undefined && this.held.expiresMs - MARGIN_MS > nowMs) {
      if (nowMs > this.renewAtMs) this.renew().catch(() => undefined);
      return this.held.certificate;
    }
    return (await this.renew()).certificate;
  }

  private async load(): Promise<Row<"certificate"> | undefined> {
    const stored = await this.store.get(keys.certificate);
    return stored === undefined ? undefined : decodeRow("certificate", stored);
  }

  /** One request at a time, shared by all who wait. */
  private renew(): Promise<Row<"certificate">> {
    this.renewing ??= this.fetch().finally(() => {
      this.renewing = undefined;
    });
    return this.renewing;
  }

  private async fetch(): Promise<Row<"certificate">> {
    const { certificate, expiresMs } = await this.relay.device.request({ type: "fetchCertificate" });
    // The answer is a view of its frame.
    this.held = { certificate: certificate.slice(), expiresMs };
    const nowMs = this.relay.nowMs();
    this.renewAtMs = nowMs + (expiresMs - nowMs) / 2;
    await this.store.commit([{ key: keys.certificate, value: encodeRow("certificate", this.held) }]);
    return this.held;
  }
}
