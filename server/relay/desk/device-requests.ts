/** What devices ask of the realm and of the desk. */

import { equalBytes, type Frame, SottoError } from "@sotto/protocol";
import type { DeviceCaller, Rules } from "../rules.js";

/** How long who left a report in vain is told to wait. */
const FULL_RETRY_MS = 60_000;

/** Answers `fetchRealm`, from memory. */
export async function fetchRealm(rules: Rules, caller: DeviceCaller, frame: Frame<"fetchRealm">): Promise<void> {
  rules.limiters.spend("realmsPerAccount", caller.device.account);
  const { held } = rules.realm;
  const isKnown = held !== undefined && frame.known !== undefined && equalBytes(frame.known, held.hash);
  caller.answer({
    type: "realm",
    id: frame.id,
    document: isKnown ? undefined : held?.document,
    available: held === undefined ? "no" : rules.desk.isThere ? "yes" : "deskAway",
  });
}

/**
 * Answers `askDesk`. What is asked and what is answered is the desk's and the device's: nothing of either is looked at.
 *
 * @throws busy if the desk is away, has too much to do, or takes longer than 15 s.
 */
export async function askDesk(rules: Rules, caller: DeviceCaller, frame: Frame<"askDesk">): Promise<void> {
  const { account, device } = caller.device;
  rules.limiters.spend("asksPerAccount", account);
  const body = await rules.desk.ask({ account, device, body: frame.body });
  if (body === undefined) throw new SottoError("busy", { detail: "the desk does not answer" });
  caller.answer({ type: "deskAnswer", id: frame.id, body });
}

/**
 * Answers `submitReport`, once it is on disk.
 *
 * @throws busy if there is no room for reports: the desk was away for long.
 */
export async function submitReport(rules: Rules, caller: DeviceCaller, frame: Frame<"submitReport">): Promise<void> {
  const { heads, id, report, words } = frame;
  const reporter = caller.device.account;
  rules.limiters.spend("reportsPerAccount", reporter);
  rules.limiters.spend("reportBytesPerAccount", reporter, heads.length + words.length);
  const outcome = await rules.reports.leave({ report, reporter, heads, words });
  rules.metrics.count("reports", outcome);
  if (outcome === "full") {
    rules.log.warn("reportsFull", { count: rules.reports.count });
    throw new SottoError("busy", { detail: "no room for reports", retryAfterMs: FULL_RETRY_MS });
  }
  if (outcome === "kept") rules.desk.tell({ type: "reportsWaiting" });
  caller.answer({ type: "done", id });
}
