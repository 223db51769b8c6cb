/** A report before it is sent: what would leave the device, and the one way to let it. */

import { SottoError } from "@sotto/protocol";
import type { Disclosure } from "./disclosure.js";
import type { Drafted } from "./drafting.js";
import type { Report } from "./report.js";

/** A report, context or appeal that was prepared. Nothing left the device, and nothing is kept of it until it is submitted. */
export class ReportDraft {
  readonly #drafted: Drafted;
  readonly #submit: (drafted: Drafted) => Promise<Report>;

  constructor(drafted: Drafted, submit: (drafted: Drafted) => Promise<Report>) {
    this.#drafted = drafted;
    this.#submit = submit;
  }

  /** Exactly what would leave the device. Show it to the user. */
  get disclosure(): Disclosure {
    return this.#drafted.disclosure;
  }

  /**
   * Lets it leave. `consent` is the `hash` of the disclosure that the user agreed to, and of no other.
   *
   * Resolves once it is durable here; from then on it goes to the relay over crashes and disconnections, once. The event `report`
   * tells how it goes on. Calling it twice sends it once. To be rid of the person too, `block()` them or leave the group.
   *
   * @throws consentRequired; deskUnready if the key it was sealed to is not the moderators' any more: draft it anew; outboxFull;
   *   appealClosed for an appeal while another one stands.
   */
  async submit({ consent }: { readonly consent: string }): Promise<Report> {
    if (consent !== this.disclosure.hash) throw new SottoError("consentRequired");
    return this.#submit(this.#drafted);
  }
}
