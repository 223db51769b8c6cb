/** Whether an account or a device may be issued tokens, by what was decided about it. Pure. */

import type { DeskRefusal, DeviceId } from "@sotto/protocol";
import type { RowOf } from "../rows.js";

/** Why a device gets no tokens, and until when. */
export interface Bar {
  readonly reason: Extract<DeskRefusal, "muted" | "suspended" | "deviceRevoked">;
  readonly untilMs: number | undefined;
}

/** The heaviest of what stands against a device; `undefined` if it may speak. */
export function barOf(standing: readonly RowOf<"standing">[], device: DeviceId, nowMs: number): Bar | undefined {
  const inForce = standing.filter(({ untilMs }) => untilMs === undefined || nowMs < untilMs);
  const longest = (kind: "suspend" | "revokeDevice" | "mute"): { readonly untilMs?: number | undefined } | undefined =>
    inForce
      .filter((one) => one.kind === kind && (kind !== "revokeDevice" || one.device === device))
      .sort((one, other) => (other.untilMs ?? Number.MAX_VALUE) - (one.untilMs ?? Number.MAX_VALUE))[0];
  const suspended = longest("suspend");
  if (suspended !== undefined) return { reason: "suspended", untilMs: suspended.untilMs };
  const revoked = longest("revokeDevice");
  if (revoked !== undefined) return { reason: "deviceRevoked", untilMs: revoked.untilMs };
  const muted = longest("mute");
  return muted === undefined ? undefined : { reason: "muted", untilMs: muted.untilMs };
}
