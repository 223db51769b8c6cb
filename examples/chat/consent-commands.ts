/** Commands about who may write to this account: requests, blocking, the policy. */

import { type FirstContactPolicy, firstContactPolicies } from "@sotto/sdk/node";
import type { CommandParts, Commands } from "./command.js";
import { nameOf } from "./names.js";
import { invitedTo } from "./room.js";
import { harmless } from "./words.js";

/** Shows requests as they come, until the signal aborts. */
export async function showRequests(
  { client, asks, say }: Pick<CommandParts, "client" | "asks" | "say">,
  signal: AbortSignal,
): Promise<void> {
  for await (const request of client.requests({ signal })) {
    asks.add({ kind: "request", request });
    const words = request.text === undefined ? "" : `: ${harmless(request.text)}`;
    say([
      `${nameOf({ ...request.from, name: undefined })} would like to write to you${words}`,
      "/accept, /decline or /block them.",
    ]);
  }
}

function isPolicy(text: string): text is FirstContactPolicy {
  return (firstContactPolicies as readonly string[]).includes(text);
}

/** The commands by name. */
export const consentCommands: Commands = {
  accept: async ({ asks, say }) => {
    const { request, invitation } = asks;
    if (request !== undefined) {
      await asks.answer(request, () => request.accept());
      return say(["Accepted. They may write to you now."]);
    }
    say([
      invitation === undefined
        ? "Nobody waits for an answer."
        : "Nobody asks to write to you. /join takes the invitation.",
    ]);
  },
  decline: async ({ asks, say }) => {
    const { request, invitation } = asks;
    if (invitation !== undefined) {
      await asks.answer(invitation, () => invitation.decline());
      asks.settleRequestsOf(invitation.from.accountId);
      return say([`You declined to join ${invitedTo(invitation)}. Its members see that.`]);
    }
    if (request === undefined) return say(["Nobody waits for an answer."]);
    await asks.answer(request, () => request.decline());
    say([`${nameOf({ ...request.from, name: undefined })} may not write to you, and is not told.`]);
  },
  block: async ({ room, asks, say }) => {
    const { request } = asks;
    if (request !== undefined) await asks.answer(request, () => request.block());
    else if (room.kind === "direct") await room.conversation.block();
    else
      return say([
        "A group cannot be blocked: /leave it, or /remove somebody. /to NAME, then /block, blocks one person.",
      ]);
    say(["Blocked. The relay takes nothing from them any more, and does not tell them. /unblock undoes it."]);
  },
  policy: async ({ client, say }, policy) => {
    if (!isPolicy(policy))
      return say([`/policy takes one of ${firstContactPolicies.join(", ")}; now: ${client.policy}`]);
    await client.setPolicy(policy);
    say([`From the next message on, first messages come from: ${policy}.`]);
  },
};
