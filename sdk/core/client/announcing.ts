/** From what the parts tell to the events of a client, in the order in which it became durable. */

import type { AccountId, SottoError } from "@sotto/protocol";
import type { ClientHooks } from "../compose/hooks.js";
import type { Requests } from "../consent/requests.js";
import type { LinkState } from "../link/relay-link.js";
import type { ClientEvents, ClientState } from "./client-events.js";
import type { OpenConversations } from "./open-conversations.js";

/** What announcing works with. */
export interface AnnouncingParts {
  emit<Type extends keyof ClientEvents & string>(type: Type, detail: ClientEvents[Type]): void;
  become(state: ClientState, reason: SottoError | undefined): void;
  /** A part failed, or an event could not be told: the client ends. */
  failed(error: unknown): void;
  /** What the events show; `undefined` once the client ends, when nothing is told any more. */
  shown(): { readonly conversations: OpenConversations; readonly requests: Requests } | undefined;
}

/** The hooks of a client. What shows a conversation or request is told once that is open, one after the other. */
export function announcing({ emit, become, failed, shown }: AnnouncingParts): ClientHooks {
  let telling: Promise<unknown> = Promise.resolve();
  const tell = (work: (open: NonNullable<ReturnType<typeof shown>>) => Promise<void>) => {
    telling = telling
      .then(async () => {
        const open = shown();
        if (open !== undefined) await work(open);
      })
      .catch(failed);
  };
  const tellConversation = (account: AccountId, event: "keychange" | "contact") =>
    tell(async ({ conversations }) => emit(event, { conversation: await conversations.of(account) }));

  return {
    arrived: ({ peer, reader, timeline }, sequence) =>
      tell(async ({ conversations }) => {
        const conversation = await conversations.of(peer);
        const row = await timeline.row(sequence);
        const item = row === undefined ? undefined : await reader.item({ sequence, row });
        if (item !== undefined) emit("message", { conversation, item });
      }),
    asked: (account) =>
      tell(async ({ requests }) => {
        const request = await requests.present(account);
        if (request !== undefined) emit("request", { request });
      }),
    contact: (account) => tellConversation(account, "contact"),
    keyChanged: (account) => tellConversation(account, "keychange"),
    requestsChanged: () => shown()?.requests.wake(),
    refused: (accountId, what) => emit("policy", { accountId, what }),
    gap: (missed) => emit("gap", { missed }),
    transfer: (progress) => emit("transfer", progress),
    mailboxFull: () => emit("mailboxfull", {}),
    devicesChanged: () => emit("devices", {}),
    deviceLimit: () => emit("devicelimit", {}),
    restoring: () => become("restoring", undefined),
    linkChanged: (link, reason) => become(stateOf(link, reason), reason),
    failed,
  };
}

/** Where the client stands when its device's connection does. */
function stateOf(link: LinkState, reason: SottoError | undefined): ClientState {
  if (link === "ready") return "ready";
  const isRevoked = link === "ended" && (reason?.code === "badCredentials" || reason?.code === "notAuthenticated");
  return isRevoked ? "revoked" : "offline";
}
