/** The core's public face: types for apps, and the ports for whoever writes a platform, engine or store. */

export {
  type AccountId,
  type CommittedContent,
  type ConversationId,
  type DeviceId,
  type FirstContactPolicy,
  firstContactPolicies,
  type GroupRole,
  groupRoles,
  type MessageId,
  type Relation,
  type ReportCategory,
  reportCategories,
  type SanctionKind,
  type Team,
} from "@sotto/protocol";
export type {
  Attachment,
  BlobLike,
  FileUrl,
  PendingUpload,
  UploadOptions,
  UploadProgress,
  UploadSource,
} from "./attachments/attachment.js";
export { Attachments } from "./attachments/attachments.js";
export { Client } from "./client/client.js";
export type { ClientEvents, ClientState, NoteKind } from "./client/client-events.js";
export { createClient } from "./client/create-client.js";
export type { DebugBundle } from "./client/debug-bundle.js";
export type { Filed } from "./client/open-conversations.js";
export type { SearchHit } from "./client/open-search.js";
export { type GrantHook, PolicyDeniedError } from "./consent/grants.js";
export type { Refused } from "./consent/judge.js";
export type { Whom } from "./consent/people.js";
export type { MessageRequest } from "./consent/requests.js";
export type { LinkPreview, Mention } from "./conversations/annotations.js";
export { Conversation } from "./conversations/conversation.js";
export { DirectConversation, type Peer } from "./conversations/direct-conversation.js";
export type { ShownChange as GroupChange } from "./conversations/group-change.js";
export { GroupConversation, type SentToGroup } from "./conversations/group-conversation.js";
export type {
  ConversationEvents,
  Cursor,
  Item,
  ItemStatus,
  Quoted,
  QuotedState,
  Reaction,
} from "./conversations/items.js";
export type { Location } from "./conversations/location.js";
export type { ContactCard, NewPoll, Outgoing } from "./conversations/outgoing.js";
export type { Tally } from "./conversations/polls.js";
export type { DeviceEntry } from "./devices/device-entry.js";
export { DeviceLink, type DeviceLinkState, type LinkedDevice } from "./devices/device-link.js";
export { Devices } from "./devices/devices.js";
export { type LinkOptions, linkDevice } from "./devices/link-device.js";
export type { EventOf, ListenerOptions } from "./events.js";
export type { RelayChecked } from "./franking/relay-check.js";
export { Group, type Member, type Person } from "./groups/group.js";
export { Groups, type NewGroup } from "./groups/groups.js";
export type { GroupInvitation } from "./groups/invitations.js";
export type { GroupSettings, SettingsChange, Whoever } from "./groups/settings.js";
export type { TransferProgress } from "./history/history.js";
export { DeviceLimitError } from "./link/loss.js";
export type { ClientOptions } from "./options.js";
export type { Moment, SentMessage } from "./outbox/sent-message.js";
export type * from "./ports.js";
export { EngineRefusal } from "./ports.js";
export { type Label, Labels } from "./registers/labels.js";
export { fillQuickReply, QuickReplies, type QuickReply } from "./registers/quick-replies.js";
export type { DisclosedAttachment, DisclosedMessage, Disclosure } from "./reports/disclosure.js";
export type { MessageRef, Reportable } from "./reports/kept.js";
export { type AppealOptions, Moderation, type ModeratorPowers } from "./reports/moderation.js";
export type { Where } from "./reports/naming.js";
export type { ReportStage } from "./reports/progress.js";
export { NotReportableError } from "./reports/refusals.js";
export type { Report, Statement, WantedGap } from "./reports/report.js";
export { ReportDraft } from "./reports/report-draft.js";
export { type AttachmentPick, type ContextOptions, type ReportOptions, Reports } from "./reports/reports.js";
export type { Divergence } from "./reports/views.js";
export type { SearchOptions } from "./search/search.js";
export type { SafetyNumber } from "./trust/trust.js";
