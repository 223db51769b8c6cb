/** A socket that speaks frames, as the SDK's parts ask a relay: failures are thrown. */

import { failureFromWire, SottoError } from "@sotto/protocol";
import type { Relay } from "../../../sdk/core/relay.js";
import type { FrameSocket } from "../raw-client/index.js";

/** What parts of the SDK take for the relay's anonymous side. */
export function asking(socket: FrameSocket): Pick<Relay["anonymous"], "request"> {
  const request: Relay["anonymous"]["request"] = async (asked: never) => {
    const answer = await socket.ask(asked);
    if (answer.type === "failed") throw new SottoError(failureFromWire(answer.failure) ?? "badRelay");
    return answer as never;
  };
  return { request };
}
