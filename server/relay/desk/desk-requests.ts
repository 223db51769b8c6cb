/** What the desk asks of its relay, over the connection on which it proved itself. */

import type { AccountId, Frame } from "@sotto/protocol";
import { tellDevices } from "../device-news.js";
import type { Caller, Rules } from "../rules.js";

/** The requests of the desk. */
export type DeskFrame = Frame<
  "putRealm" | "fetchStampKeys" | "fetchReports" | "acknowledgeReports" | "enforce" | "notify"
>;

/** Stamp keys in one answer. */
const MAX_KEYS = 64;

/** Answers one request of the desk. @throws SottoError with the code to answer. */
export async function answerDesk(rules: Rules, caller: Caller, frame: DeskFrame): Promise<void> {
  const { id } = frame;
  switch (frame.type) {
    case "putRealm":
      await putRealm(rules, frame.document);
      return caller.answer({ type: "done", id });
    case "fetchStampKeys": {
      await rules.stamps.keepAhead();
      return caller.answer({ type: "stampKeys", id, keys: rules.stamps.keysFrom(frame.from).slice(0, MAX_KEYS) });
    }
    case "fetchReports": {
      const { reports, more } = await rules.reports.page(frame.after);
      return caller.answer({ type: "reports", id, reports, more: more ? "yes" : "no" });
    }
    case "acknowledgeReports":
      await rules.reports.acknowledge(frame.upTo);
      return caller.answer({ type: "done", id });
    case "enforce": {
      const { kind } = await rules.sanctions.enforce(frame.sanction);
      rules.metrics.count("sanctions", kind);
      return caller.answer({ type: "done", id });
    }
    case "notify":
      await notify(rules, frame.account);
      return caller.answer({ type: "done", id });
  }
}

async function putRealm(rules: Rules, document: Uint8Array): Promise<void> {
  const outcome = await rules.realm.put(document);
  if (outcome === "moved") {
    rules.log.warn("realmMoved", { remedy: "apps that pinned the former realm take nothing of this one" });
  }
  if (outcome !== "same") rules.tellEverybody({ kind: "realmChanged" });
}

async function notify(rules: Rules, account: AccountId): Promise<void> {
  const loaded = await rules.accounts.load(account);
  if (loaded !== undefined) tellDevices(rules, account, loaded.document, "deskNotes");
}
