/** Which keys are to be made, published and destroyed at a time. Pure. */

import { DISCLOSE_AFTER_MS, EPOCH_MS, epochOf, REPORT_WINDOW_MS } from "@sotto/protocol";

/** How many epochs have an issuer key before they begin: a relay or a root that is away for two days stops nobody. */
export const EPOCHS_AHEAD = 3;
/** How long an epoch's public key stays listed: as long as mail may wait, and a report may follow. */
export const EPOCHS_BACK = 40;
/** How long a triage key is sealed to. */
export const TRIAGE_LIFE_MS = 30 * 24 * 3_600_000;
/** How long before a triage key expires its successor is there, so that everybody has heard of it. */
const TRIAGE_OVERLAP_MS = 3 * 24 * 3_600_000;
/** Keys outlive what they prove by a day, for clocks that differ and a job that was late. */
const SLACK_MS = 24 * 3_600_000;

/** What is held. */
export interface HeldKeys {
  readonly issuer: readonly { readonly epoch: number; readonly kind: "secret" | "public" }[];
  readonly account: readonly number[];
  readonly stamp: readonly number[];
  readonly triage: readonly { readonly id: string; readonly expiresMs: number }[];
}

/** What is to be done. */
export interface DueKeys {
  readonly makeEpochs: readonly number[];
  readonly makeTriage: "yes" | "no";
  readonly disclose: readonly number[];
  readonly forgetIssuer: readonly number[];
  readonly destroyAccount: readonly number[];
  readonly destroyStamp: readonly number[];
  readonly destroyTriage: readonly string[];
}

/** What is due now. An epoch that is over gets no key any more. */
export function dueKeys(held: HeldKeys, nowMs: number): DueKeys {
  const present = epochOf(nowMs);
  const wanted = Array.from({ length: EPOCHS_AHEAD + 1 }, (_, ahead) => present + ahead);
  const made = new Set(held.issuer.map(({ epoch }) => epoch));
  const newest = Math.max(0, ...held.triage.map(({ expiresMs }) => expiresMs));
  return {
    makeEpochs: wanted.filter((epoch) => !made.has(epoch)),
    makeTriage: newest - nowMs < TRIAGE_OVERLAP_MS ? "yes" : "no",
    disclose: held.issuer
      .filter(({ epoch, kind }) => kind === "secret" && nowMs >= endOf(epoch) + DISCLOSE_AFTER_MS)
      .map(({ epoch }) => epoch),
    forgetIssuer: held.issuer.filter(({ epoch }) => epoch < present - EPOCHS_BACK).map(({ epoch }) => epoch),
    destroyAccount: held.account.filter((epoch) => !isProvable(epoch, nowMs)),
    destroyStamp: held.stamp.filter((epoch) => !isProvable(epoch, nowMs)),
    destroyTriage: held.triage
      .filter(({ expiresMs }) => nowMs >= expiresMs + REPORT_WINDOW_MS + SLACK_MS)
      .map(({ id }) => id),
  };
}

/** Whether something of an epoch can still be reported, and so needs the keys that tell. */
export function isProvable(epoch: number, nowMs: number): boolean {
  return nowMs < endOf(epoch) + REPORT_WINDOW_MS + SLACK_MS;
}

/** When an epoch is over. */
function endOf(epoch: number): number {
  return (epoch + 1) * EPOCH_MS;
}
