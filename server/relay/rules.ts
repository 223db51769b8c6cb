/** What the rules share: the ports, and the few parts that remember something across connections. */

import type { AccountId, DeviceId, Frame, FrameToClient, WireFailureCode } from "@sotto/protocol";
import type { MailboxId, Notice } from "../ports.js";
import type { Accounts } from "./accounts.js";
import type { FolderGauge } from "./attachments/folder-gauge.js";
import type { Transfers } from "./attachments/transfers.js";
import type { UploadLedger } from "./attachments/upload-ledger.js";
import type { DeskLink } from "./desk/desk-link.js";
import type { DeskFrame } from "./desk/desk-requests.js";
import type { Realm } from "./desk/realm.js";
import type { Reports } from "./desk/reports.js";
import type { Sanctions } from "./desk/sanctions.js";
import type { Stamps } from "./desk/stamps.js";
import type { Groups } from "./groups.js";
import type { InFlight } from "./in-flight.js";
import type { Limiters } from "./limiters.js";
import type { Opening } from "./opening.js";
import type { Outgoing } from "./outgoing.js";
import type { Refusals } from "./refusals.js";
import type { RelayParts } from "./relay.js";
import type { Turns } from "./turns.js";

/** Everything a rule may use. */
export interface Rules extends RelayParts {
  readonly accounts: Accounts;
  readonly groups: Groups;
  readonly limiters: Limiters;
  readonly refusals: Refusals;
  readonly outgoing: Outgoing;
  readonly inFlight: InFlight;
  readonly ledger: UploadLedger;
  readonly transfers: Transfers;
  readonly folderGauge: FolderGauge;
  readonly opening: Opening;
  readonly realm: Realm;
  readonly stamps: Stamps;
  readonly desk: DeskLink;
  readonly reports: Reports;
  readonly sanctions: Sanctions;
  /** Gives every device that is connected here a notice. */
  tellEverybody(notice: Notice): void;
  /** True from `drain()` on. */
  readonly isDraining: boolean;
}

/** A device that proved itself. */
export interface DeviceIdentity {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly registrationId: number;
  readonly mailbox: MailboxId;
}

/** Who sent a request, as its rule sees it. */
export interface Caller {
  /** `undefined` on an anonymous connection. */
  readonly device: DeviceIdentity | undefined;
  /** For limiters only; never logged. */
  readonly remoteAddress: string;
  /** In which what it sends is decided. */
  readonly turns: Turns;
  answer(frame: FrameToClient): void;
  fail(id: number, code: WireFailureCode, retryAfterMs?: number): void;
}

/** A device that sent a request. */
export type DeviceCaller = Caller & { readonly device: DeviceIdentity };

/** What limiters keyed by `source` count by: the account where it is known, else the address. */
export function sourceOf(caller: Caller): string {
  return caller.device?.account ?? caller.remoteAddress;
}

/** The requests that need no device. */
export type EverywhereFrame = Frame<
  | "fetchBundles"
  | "putLink"
  | "takeLink"
  | "send"
  | "sendGroup"
  | "createGroup"
  | "appendGroup"
  | "readGroup"
  | "putCheckpoint"
>;

/** The requests a client may make once it was greeted. */
export type RequestFrame = EverywhereFrame | DeviceFrame | DeskFrame;

type DeviceFrame = Frame<
  | "resolve"
  | "publishKeys"
  | "fetchCertificate"
  | "setAccess"
  | "listDevices"
  | "revokeDevice"
  | "nameDevice"
  | "park"
  | "openLink"
  | "closeLink"
  | "requestUpload"
  | "fetchRealm"
  | "askDesk"
  | "submitReport"
>;

/**
 * Answers a request that access rules refuse: always at the same time after its arrival, whatever the reason, and with
 * `notAllowed` wherever the recipient had a say in it. Too many refusals of one source are answered `tooManyRequests`, just
 * as late.
 */
export async function refuse(
  rules: Rules,
  caller: Caller,
  id: number,
  arrivedMs: number,
  code: WireFailureCode = "notAllowed",
): Promise<void> {
  const retryAfterMs = rules.limiters.take("refusalsPerSource", sourceOf(caller));
  const held = await rules.refusals.hold(arrivedMs);
  if (held === "crowded") caller.fail(id, "busy");
  else if (retryAfterMs > 0) caller.fail(id, "tooManyRequests", retryAfterMs);
  else caller.fail(id, code);
}
