/** Which rule answers which request. */

import { SottoError } from "@sotto/protocol";
import { setAccess } from "./access.js";
import { fetchCertificate } from "./certificate.js";
import { fetchBundles, resolve } from "./directory.js";
import { publishKeys } from "./prekeys.js";
import type { Caller, DeviceCaller, RequestFrame, Rules } from "./rules.js";
import { send } from "./send.js";

/**
 * Answers one request. `arrivedMs` is monotonic time.
 *
 * @throws SottoError with the code to answer; nothing of the request took effect then.
 */
export function answerRequest(rules: Rules, caller: Caller, frame: RequestFrame, arrivedMs: number): Promise<void> {
  switch (frame.type) {
    case "send":
      return send(rules, caller, frame, arrivedMs);
    case "fetchBundles":
      return fetchBundles(rules, caller, frame, arrivedMs);
    default:
      return isDevice(caller) ? answerDevice(rules, caller, frame) : Promise.reject(new SottoError("notAuthenticated"));
  }
}

function answerDevice(
  rules: Rules,
  caller: DeviceCaller,
  frame: Exclude<RequestFrame, { readonly type: "send" | "fetchBundles" }>,
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
  }
}

function isDevice(caller: Caller): caller is DeviceCaller {
  return caller.device !== undefined;
}
