/** Which rule answers which request. */

import { SottoError } from "@sotto/protocol";
import { setAccess } from "./access.js";
import { requestUpload } from "./attachments/upload-grants.js";
import { fetchCertificate } from "./certificate.js";
import { answerDesk, type DeskFrame } from "./desk/desk-requests.js";
import { askDesk, fetchRealm, submitReport } from "./desk/device-requests.js";
import { listDevices, nameDevice, revokeDevice } from "./devices.js";
import { fetchBundles, resolve } from "./directory.js";
import { putCheckpoint } from "./group-checkpoint.js";
import { appendGroup, createGroup } from "./group-log.js";
import { readGroup } from "./group-read.js";
import { closeLink, openLink, putLink, takeLink } from "./links.js";
import { park } from "./parked.js";
import { publishKeys } from "./prekeys.js";
import type { Caller, DeviceCaller, EverywhereFrame, RequestFrame, Rules } from "./rules.js";
import { send } from "./send.js";
import { sendGroup } from "./send-group.js";

/**
 * Answers one request. `arrivedMs` is monotonic time.
 *
 * @throws SottoError with the code to answer; nothing of the request took effect then.
 */
export function answerRequest(rules: Rules, caller: Caller, frame: RequestFrame, arrivedMs: number): Promise<void> {
  switch (frame.type) {
    case "send":
      return send(rules, caller, frame, arrivedMs);
    case "sendGroup":
      return sendGroup(rules, caller, frame, arrivedMs);
    case "createGroup":
      return createGroup(rules, caller, frame);
    case "appendGroup":
      return appendGroup(rules, caller, frame, arrivedMs);
    case "readGroup":
      return readGroup(rules, caller, frame, arrivedMs);
    case "putCheckpoint":
      return putCheckpoint(rules, caller, frame, arrivedMs);
    case "fetchBundles":
      return fetchBundles(rules, caller, frame, arrivedMs);
    case "putLink":
      return putLink(rules, caller, frame);
    case "takeLink":
      return takeLink(rules, caller, frame);
    case "putRealm":
    case "fetchStampKeys":
    case "fetchReports":
    case "acknowledgeReports":
    case "enforce":
    case "notify":
      return answerDesk(rules, caller, frame);
    default:
      return isDevice(caller) ? answerDevice(rules, caller, frame) : Promise.reject(new SottoError("notAuthenticated"));
  }
}

function answerDevice(
  rules: Rules,
  caller: DeviceCaller,
  frame: Exclude<RequestFrame, { readonly type: (EverywhereFrame | DeskFrame)["type"] }>,
): Promise<void> {
  switch (frame.type) {
    case "resolve":
      return resolve(rules, caller, frame);
    case "publishKeys":
      return publishKeys(rules, caller, frame);
    case "fetchCertificate":
      return fetchCertificate(rules, caller, frame);
    case "setAccess":
      return setAccess(rules, caller, frame);
    case "listDevices":
      return listDevices(rules, caller, frame);
    case "revokeDevice":
      return revokeDevice(rules, caller, frame);
    case "nameDevice":
      return nameDevice(rules, caller, frame);
    case "park":
      return park(rules, caller, frame);
    case "openLink":
      return openLink(rules, caller, frame);
    case "closeLink":
      return closeLink(rules, caller, frame);
    case "requestUpload":
      return requestUpload(rules, caller, frame);
    case "fetchRealm":
      return fetchRealm(rules, caller, frame);
    case "askDesk":
      return askDesk(rules, caller, frame);
    case "submitReport":
      return submitReport(rules, caller, frame);
  }
}

function isDevice(caller: Caller): caller is DeviceCaller {
  return caller.device !== undefined;
}
