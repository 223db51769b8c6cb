/** What one person alone may not do: the desk goes by it, and the console says so beforehand. Pure. */

import type { SanctionKind } from "@sotto/protocol";

/** Whether an action takes a second person: what cannot be undone for whom it hits, and what has no end. */
export function isSevere(kind: SanctionKind, durationMs: number | undefined): boolean {
  switch (kind) {
    case "suspend":
    case "revokeDevice":
      return true;
    case "noNewConversations":
    case "mute":
      return durationMs === undefined;
    case "warn":
    case "lift":
      return false;
    default:
      return kind satisfies never;
  }
}
