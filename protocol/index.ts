/** What Sotto's relay and SDK agree on. PROTOCOL.md is the text; everything here is free of I/O. */

export {
  ATTACHMENT_CHUNK_BYTES,
  ATTACHMENT_TAG_BYTES,
  attachmentChunks,
  attachmentNonce,
  blobIdOf,
  deriveAttachmentKey,
  MIN_PADDED_ATTACHMENT_BYTES,
  paddedAttachmentSize,
  sealedAttachmentSize,
  sealedChunkOffset,
} from "./attachment/format.js";
export {
  type AttachmentReference,
  type BlobReference,
  type MediaKind,
  mediaKinds,
  type ThumbnailReference,
} from "./attachment/reference.js";
export { equalBytes } from "./bytes.js";
export { type CloseReason, closeCodes, closeMeanings } from "./close-codes.js";
export { decodeFrame, decodeRecord, encodeFrame, encodeRecord } from "./codec.js";
export {
  CONTENT_VERSION,
  type Content,
  type ContentHeader,
  contentFields,
  decodeContent,
  encodeContent,
  type KnownContent,
  type UnsupportedContent,
} from "./content/content.js";
export { type ContentBodyOf, type ContentKind, type ContentKindRow, contentKinds } from "./content/kinds.js";
export {
  type ArchiveEntry,
  type ContactState,
  decodeOwnBody,
  encodeOwnBody,
  MAX_CONTACTS_PER_STATE,
  MAX_ENTRIES_PER_ARCHIVE,
  type OwnBody,
  type OwnState,
  ownBodies,
  type Relation,
  relations,
} from "./content/own-devices.js";
export {
  decodePayload,
  encodePayload,
  type GroupStanding,
  ownPayloadTypes,
  type Payload,
  paddedSize,
  payloadFields,
  payloadTypes,
} from "./content/payload.js";
export {
  decodeRegisterValue,
  encodeRegisterValue,
  FORGET_EMPTIED_MS,
  isFitRegister,
  type RegisterKindRow,
  type RegisterValue,
  registerScope,
  registerTable,
} from "./content/register-values.js";
export {
  compareRegisters,
  decodeRegisters,
  encodeRegisters,
  MAX_REGISTER_MS,
  MAX_REGISTERS_PER_BODY,
  type Register,
  type RegisterKind,
  registerKinds,
  registersBody,
} from "./content/registers.js";
export {
  accessDigest,
  authenticationText,
  deliveryKeyText,
  deriveDeliveryKey,
  digest,
  directConversationId,
  hashDeliveryKey,
  hashResumeToken,
  keyDigest,
  labelled,
  registrationText,
  rootFingerprint,
} from "./derive.js";
export { deriveDeviceNameKey, deviceNameContext, padDeviceName, unpadDeviceName } from "./device-name.js";
export {
  type ErrorDetails,
  type Failure,
  type FailureCode,
  type Fault,
  failureFromWire,
  failures,
  type Retry,
  SottoError,
  type WireFailureCode,
} from "./failures.js";
export {
  ACCESS_TAG_BYTES,
  type AccountRole,
  accountRoles,
  type Direction,
  type FirstContactPolicy,
  type Frame,
  type FrameName,
  type FrameRow,
  type FrameToClient,
  type FrameToRelay,
  firstContactPolicies,
  frames,
  PROTOCOL_VERSION,
  type Stage,
} from "./frames.js";
export {
  decodeGroupBody,
  encodeGroupBody,
  type GroupBody,
  groupBodies,
  MAX_GROUPS_PER_BODY,
} from "./group/bodies.js";
export {
  accessTag,
  accessTagText,
  deriveGroupAccessSeed,
  deriveGroupAdminSeed,
  deriveGroupEntryKey,
  deriveGroupSecret,
  deriveGroupWrapKey,
  fetchContext,
  groupAppendText,
  groupCheckpointContext,
  groupCheckpointText,
  groupCreateText,
  groupEntryContext,
  groupReadText,
  groupSealKey,
  groupSendText,
} from "./group/derive.js";
export {
  decodeGroupEntry,
  encodeGroupEntry,
  type GroupChange,
  type GroupEntry,
  type GroupEntryBody,
  type GroupEntryKind,
  type GroupEntryKindRow,
  type GroupHandover,
  type GroupRole,
  type GroupRotation,
  groupEntryFields,
  groupEntryKinds,
  groupRoles,
  type UnsignedGroupEntry,
} from "./group/entries.js";
export {
  GROUP_MESSAGE_CHANCE_BYTES,
  type GroupSpeaker,
  groupMessageId,
  isGroupMessageId,
} from "./group/message-id.js";
export {
  decodeGroupState,
  encodeGroupState,
  type GroupMember,
  type GroupState,
  groupStateFields,
  groupStateHash,
  type InvitedAccount,
  type WaitingAccount,
} from "./group/state.js";
export {
  type AccountId,
  accountIdAt,
  accountIdFromBytes,
  accountIdToBytes,
  type ConversationId,
  type DeviceId,
  fromHex,
  MAX_DEVICE_ID,
  type MessageId,
  parseAccountId,
  parseConversationId,
  parseDeviceId,
  parseMessageId,
  toHex,
} from "./ids.js";
export { type Limit, limits } from "./limits.js";
export {
  challengedTranscript,
  decodeJoin,
  decodeLinkRecord,
  decodeLinkUri,
  encodeJoin,
  encodeLinkRecord,
  encodeLinkUri,
  LINK_CODE_DIGITS,
  type LinkOffer,
  type LinkRecord,
  type LinkSecrets,
  type LinkStep,
  linkCode,
  linkRecords,
  linkStepKey,
  linkTranscript,
} from "./linking.js";
export type { TypeOf } from "./schema/field.js";
export * as field from "./schema/field.js";
