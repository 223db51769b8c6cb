/** The sender certificate this device seals with, renewed at half its life. */

import type { Relay } from "../relay.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** A certificate this close to its end is not sent with any more: the peer's clock may differ. */
const MARGIN_MS = 10 * 60_000;
/** While the present one is good, a renewal that failed is tried again this long after. */
const RETRY_MS = 60_000;

/** Keeps one valid certificate. */
export class Certificates {
  private held: Row<"certificate"> | undefined;
  private loading: Promise<void> | undefined;
  private renewing: Promise<Row<"certificate">> | undefined;
  private renewAtMs = 0;

  constructor(
    private readonly store: Pick<SealedStore, "get" | "commit">,
    private readonly relay: { nowMs(): number; readonly device: Pick<Relay["device"], "request"> },
  ) {}

  /** A certificate that is valid for some minutes at least; asks the relay for one where needed. */
  async current(): Promise<Uint8Array> {
    this.loading ??= this.load();
    await this.loading;
    const nowMs = this.relay.nowMs();
    if (this.held === undefined || this.held.expiresMs - MARGIN_MS <= nowMs) return (await this.renew()).certificate;
    if (nowMs > this.renewAtMs) {
      this.renewAtMs = nowMs + RETRY_MS;
      // The present one is still good; a store that failed ends the client by itself.
      this.renew().catch(() => undefined);
    }
    return this.held.certificate;
  }

  /** The present one did not serve: the next call asks for another. */
  doubt(): void {
    this.held = undefined;
  }

  private async load(): Promise<void> {
    const stored = await this.store.get(keys.certificate);
    this.held = stored === undefined ? undefined : decodeRow("certificate", stored);
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
    const fetched = { certificate: certificate.slice(), expiresMs };
    const nowMs = this.relay.nowMs();
    this.held = fetched;
    this.renewAtMs = nowMs + (expiresMs - nowMs) / 2;
    await this.store.commit([{ key: keys.certificate, value: encodeRow("certificate", fetched) }]);
    return fetched;
  }
}
