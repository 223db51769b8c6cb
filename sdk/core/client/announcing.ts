/** From what the parts tell to the events of a client, in the order in which it became durable. */

import { type AccountId, failures, parseConversationId, type SottoError } from "@sotto/protocol";
import type { ClientHooks } from "../compose/hooks.js";
import type { Requests } from "../consent/requests.js";
import type { Groups } from "../groups/groups.js";
import type { Invitations } from "../groups/invitations.js";
import type { LinkState } from "../link/relay-link.js";
import { reportOf, statementOf } from "../reports/report.js";
import type { ClientEvents, ClientState } from "./client-events.js";
import type { OpenConversations } from "./open-conversations.js";

/** What announcing works with. */
export interface AnnouncingParts {
  emit<Type extends keyof ClientEvents & string>(type: Type, detail: ClientEvents[Type]): void;
  become(state: ClientState, reason: SottoError | undefined): void;
  /** A part failed, or an event could not be told: the client ends. */
  failed(error: unknown): void;
  /** What the events show; `undefined` once the client ends, when nothing is told any more. */
  shown():
    | {
        readonly conversations: OpenConversations;
        readonly requests: Requests;
        readonly groups: Groups;
        readonly invitations: Invitations;
      }
    | undefined;
}

/** What to do about what a relay may have done. */
const remedies = {
  fork: failures.groupForked.remedy,
  logGap:
    "The relay holds back changes of this group; what was said after them is shown once it hands them out. Ask another member, and if it lasts, the relay's operator.",
  mailGap:
    "Open devices more often than the relay keeps mail; what own devices and contacts still have is asked for by itself.",
} as const;

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
    arrived: (thread, sequence) =>
      tell(async ({ conversations, groups }) => {
        const isGroup = thread.kind === "group";
        const conversation = isGroup ? await groups.get(thread.group) : await conversations.of(thread.peer);
        // A group that only another device has read yet: what is said there is in its timeline once it is shown here.
        if (conversation === undefined) return;
        const item = await thread.reader.at(sequence);
        if (item !== undefined) emit("message", { conversation, item });
      }),
    invited: (group) =>
      tell(async ({ invitations }) => {
        invitations.wake();
        const invitation = await invitations.present(group);
        if (invitation !== undefined) emit("invitation", { invitation });
      }),
    noted: (kind, id) =>
      tell(async ({ conversations, groups }) => {
        if (id === "") return emit("notes", { kind, conversation: undefined });
        const named = parseConversationId(id);
        const conversation = (await conversations.withId(named)) ?? (await groups.get(named));
        // Of a conversation that is not here yet: its notes are there when it is opened.
        if (conversation !== undefined) emit("notes", { kind, conversation });
      }),
    groupChanged: (id) =>
      tell(async ({ groups, invitations }) => {
        invitations.wake();
        const group = await groups.get(id);
        if (group !== undefined) emit("group", { group });
      }),
    // Of a group that was never entered, whoever tries to accept the invitation is told.
    forked: (id) =>
      tell(async ({ groups }) => {
        const group = await groups.get(id);
        if (group !== undefined) emit("fork", { group, remedy: remedies.fork });
      }),
    logGap: (id, missed) =>
      tell(async ({ groups }) => {
        const group = await groups.get(id);
        if (group !== undefined) emit("gap", { missed, group, remedy: remedies.logGap });
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
    gap: (missed) => emit("gap", { missed, group: undefined, remedy: remedies.mailGap }),
    transfer: (progress) => emit("transfer", progress),
    mailboxFull: () => emit("mailboxfull", {}),
    reportChanged: (row) => emit("report", { report: reportOf(row) }),
    stated: (row) => emit("statement", { statement: statementOf(row) }),
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
