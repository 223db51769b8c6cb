/** What a draft refuses, with what an app needs to say it to its user. */

import { type MessageId, SottoError } from "@sotto/protocol";

/**
 * Some of the messages cannot be shown to a desk: nothing is kept that would prove them (older than 30 days, gone with its timer a
 * day ago, never franked, not here), or they are this account's own where somebody else's belong.
 */
export class NotReportableError extends SottoError {
  constructor(
    /** Which ones, where the app named them so that they can be named back; by cursor where that leads nowhere. */
    readonly messages: readonly (MessageId | string)[],
  ) {
    super("notReportable", { detail: `${messages.length} of the messages` });
  }
}
