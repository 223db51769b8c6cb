/** Wires reports: what is kept of what was said becomes one, it leaves, and what the desk writes of it comes back. */

import { RelayCheck } from "../franking/relay-check.js";
import { DeskNotes } from "../reports/desk-notes.js";
import { Moderation } from "../reports/moderation.js";
import { ReportRows } from "../reports/report-rows.js";
import { Reports } from "../reports/reports.js";
import { ReportSending } from "../reports/sending.js";
import type { FrankingRoom, Ground, LinkRoom, ReportsRoom } from "./parts.js";

/** The room of reports. */
export function wireReports(before: Ground & LinkRoom & FrankingRoom): ReportsRoom {
  const { platform, store, account, locks, counters, conversations, hooks } = before;
  const { relay, realm, deskAsks: asks, rosters, evidence } = before;
  const { clock, random, log } = platform;
  const { failed, reportChanged, stated } = hooks;
  const rows = new ReportRows({ store, locks, reportChanged, stated });
  const sending = new ReportSending({ store, rows, relay, clock, random, counters, failed });
  const deskNotes = new DeskNotes({ store, account, rows, asks, realm, relay, clock, counters, failed });
  const parts = {
    ...{ me: account.id, evidence, rosters, conversations, rows, sending, realm, random },
    nowMs: () => relay.nowMs(),
  };
  const relayCheck = new RelayCheck({ store, me: account.id, asks, relay, clock, random, log, counters, failed });
  return {
    reportSending: sending,
    deskNotes,
    reports: new Reports(parts),
    moderation: new Moderation({ ...parts, relayCheck }),
    relayCheck,
  };
}
