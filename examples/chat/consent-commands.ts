/** Commands about who may write to this account: requests, blocking, the policy. */

import { type FirstContactPolicy, firstContactPolicies, type MessageRequest } from "@sotto/sdk/node";
import type { Command, CommandParts } from "./command.js";
import { harmless } from "./words.js";

/** Requests that wait, oldest first. */
const waiting: MessageRequest[] = [];

/** Shows requests as they come, until the signal aborts. */
export async function showRequests({ client, say }: Pick<CommandParts, "client" | "say">, signal: AbortSignal) {
  for await (const request of client.requests({ signal })) {
    waiting.push(request);
    const who = harmless(request.from.userId ?? request.from.accountId);
    const words = request.text === undefined ? "" : `: ${harmless(request.text)}`;
    say([`${who} would like to write to you${words}`, "/accept, /decline or /block them."]);
  }
}

function isPolicy(text: string): text is FirstContactPolicy {
  return (firstContactPolicies as readonly string[]).includes(text);
}

/** The commands by name. */
export const consentCommands: Readonly<Record<string, Command>> = {
  accept: async ({ say }) => {
    const request = waiting.shift();
    if (request === undefined) return say(["Nobody waits for an answer."]);
    await request.accept();
    say(["Accepted. They may write to you now."]);
  },
  decline: async ({ say }) => {
    const request = waiting.shift();
    if (request === undefined) return say(["Nobody waits for an answer."]);
    await request.decline();
    say(["Declined. They are not told."]);
  },
  block: async ({ conversation, say }) => {
    const request = waiting.shift();
    if (request === undefined) await conversation.block();
    else await request.block();
    say(["Blocked. The relay takes nothing from them any more, and does not tell them. /unblock undoes it."]);
  },
  unblock: async ({ conversation, say }) => {
    await conversation.unblock();
    say(["Unblocked. They may ask again, or you write to them."]);
  },
  policy: async ({ client, say }, policy) => {
    if (!isPolicy(policy))
      return say([`/policy takes one of ${firstContactPolicies.join(", ")}; now: ${client.policy}`]);
    await client.setPolicy(policy);
    say([`From the next message on, first messages come from: ${policy}.`]);
  },
};
