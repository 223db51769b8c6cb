/** Numbers that relay and SDK share. Raising one that bounds a frame needs a new protocol version. */

/** One limit with its unit and its reason; PROTOCOL.md's table is made from these rows. */
export interface Limit {
  readonly value: number;
  readonly unit: "bytes" | "items" | "ms";
  readonly why: string;
}

/** Every shared limit, by name. */
export const limits = {
  frameBytes: {
    value: 3_145_728,
    unit: "bytes",
    why: "one message of a socket; holds the largest envelope for all 16 devices of one account and the 15 others of the sender",
  },
  ciphertextBytes: {
    value: 98_304,
    unit: "bytes",
    why: "one envelope; text and receipts fit, files go as attachments",
  },
  contentBytes: { value: 65_536, unit: "bytes", why: "one content before padding and encryption" },
  textBytes: { value: 32_768, unit: "bytes", why: "UTF-8 bytes of one text" },
  devicesPerAccount: {
    value: 16,
    unit: "items",
    why: "ceiling of the relay's setting; bounds one send's envelopes per account",
  },
  accountsPerSend: { value: 16, unit: "items", why: "accounts one send request may name" },
  oneTimePrekeys: { value: 100, unit: "items", why: "one-time keys of a kind the relay keeps for a device" },
  inFlight: { value: 128, unit: "items", why: "envelopes delivered and not yet acknowledged on one connection" },
  acksPerFrame: { value: 128, unit: "items", why: "selective acknowledgements in one frame" },
  requestsInFlight: { value: 256, unit: "items", why: "requests a connection may have unanswered" },
  blockedAccounts: { value: 1_000, unit: "items", why: "accounts one account may refuse" },
  ownBodyBytes: {
    value: 80_000,
    unit: "bytes",
    why: "what one envelope between devices of an account holds; the longest message with its longest edit fits",
  },
  grantBytes: { value: 4_096, unit: "bytes", why: "a grant of the host" },
  basisBytes: { value: 64, unit: "bytes", why: "the basis a grant names, such as mutual_follow" },
  bases: { value: 16, unit: "items", why: "bases a community takes" },
  deviceNameBytes: { value: 63, unit: "bytes", why: "the name of a device, before it is padded and sealed" },
  sealedNameBytes: { value: 92, unit: "bytes", why: "a nonce of 12, a padded name of 64 and a tag of 16 bytes" },
  linkBodyBytes: { value: 4_096, unit: "bytes", why: "one sealed step of a link" },
  linkTtlMs: { value: 600_000, unit: "ms", why: "a link that nobody used is worth nothing after this long" },
  firstContactRepairs: {
    value: 4,
    unit: "items",
    why: "repairs a stranger may send beside its one message; clients show nothing of them before they accepted",
  },
  groupAccounts: {
    value: 1_000,
    unit: "items",
    why: "ceiling of the relay's setting; accounts of one group, invited ones included",
  },
  groupMessageBytes: {
    value: 1_048_576,
    unit: "bytes",
    why: "one multi-recipient message: the largest payload and the headers of some 10,000 devices",
  },
  groupEntryBytes: {
    value: 98_304,
    unit: "bytes",
    why: "one sealed entry of a group's log; a new secret for a thousand accounts fits",
  },
  groupMemberEntryBytes: {
    value: 20_480,
    unit: "bytes",
    why: "one that no admin's key signed: a picture fits, or a thousand accounts; new secrets are admins'",
  },
  groupCheckpointBytes: { value: 524_288, unit: "bytes", why: "the sealed state of a group of a thousand accounts" },
  groupEntriesPerFrame: {
    value: 256,
    unit: "items",
    why: "entries of a group's log in one answer; fewer where they are large",
  },
  groupTitleBytes: { value: 256, unit: "bytes", why: "a group's title" },
  groupAvatarBytes: { value: 16_384, unit: "bytes", why: "a group's picture, which lies in its log" },
  userIdBytes: { value: 256, unit: "bytes", why: "the host's own name for a user (the token's sub)" },
  tokenBytes: { value: 4_096, unit: "bytes", why: "a host token" },
  receiptTargets: { value: 64, unit: "items", why: "messages one receipt may name" },
  reactionBytes: { value: 64, unit: "bytes", why: "one emoji with its modifiers" },
  profileNameBytes: { value: 256, unit: "bytes", why: "a display name" },
  customBytes: { value: 49_152, unit: "bytes", why: "the body of a custom content" },
  schemaIdBytes: { value: 128, unit: "bytes", why: "the schema id of a custom content" },
  attachmentBytes: {
    value: 4_294_967_296,
    unit: "bytes",
    why: "ceiling of the relay's setting; plaintext of one attachment, whose chunks a 32-bit number counts",
  },
  attachmentsPerContent: {
    value: 16,
    unit: "items",
    why: "attachments of one message; their thumbnails are beside them",
  },
  fileNameBytes: { value: 255, unit: "bytes", why: "the name of a file, as long as file systems take" },
  mimeBytes: { value: 127, unit: "bytes", why: "a media type (RFC 6838 §4.2 allows 127 for each half)" },
  mentions: { value: 100, unit: "items", why: "people one text may mention" },
  urlBytes: { value: 2_048, unit: "bytes", why: "the address of a previewed page" },
  previewTitleBytes: { value: 512, unit: "bytes", why: "the title of a previewed page" },
  previewWordsBytes: { value: 2_048, unit: "bytes", why: "the description of a previewed page" },
  labelBytes: {
    value: 256,
    unit: "bytes",
    why: "a short line: a place's name, an entry of a card, an option of a poll",
  },
  cardEntries: { value: 16, unit: "items", why: "numbers and addresses on one contact card" },
  questionBytes: { value: 1_024, unit: "bytes", why: "the question of a poll" },
  pollOptions: { value: 32, unit: "items", why: "options of one poll" },
  timerMs: { value: 31_536_000_000, unit: "ms", why: "the longest disappearing timer, a year" },
  registerKeyBytes: { value: 128, unit: "bytes", why: "what a register is about: ids of a conversation and a message" },
  registerBytes: { value: 34_000, unit: "bytes", why: "the value of a register; a draft is as long as a text" },
  quickReplies: { value: 500, unit: "items", why: "quick replies of one account" },
  quickReplyBytes: { value: 4_096, unit: "bytes", why: "the words of a quick reply; a new device is sent all of them" },
  labels: { value: 200, unit: "items", why: "labels of one account" },
  labelsPerConversation: { value: 20, unit: "items", why: "labels on one conversation" },
  pinsPerConversation: { value: 100, unit: "items", why: "messages pinned in one conversation" },
  reportItems: { value: 64, unit: "items", why: "messages one report discloses, context included" },
  reportNoteBytes: { value: 4_096, unit: "bytes", why: "what a reporter adds in its own words" },
  reportLayerBytes: {
    value: 1_048_576,
    unit: "bytes",
    why: "one sealed layer of a report; 64 messages in their longest form that fit are as many as fit",
  },
  deskAskBytes: { value: 16_384, unit: "bytes", why: "what a device asks the desk at once" },
  deskAnswerBytes: { value: 262_144, unit: "bytes", why: "what the desk answers: 16 notes, or a batch of tokens" },
  deskNoteBytes: { value: 16_384, unit: "bytes", why: "one sealed note of the desk" },
  realmBytes: { value: 786_432, unit: "bytes", why: "what a relay serves of its realm: manifest, feed, statement" },
  greetingMs: { value: 5_000, unit: "ms", why: "from the challenge to a valid answer" },
  heartbeatMs: { value: 30_000, unit: "ms", why: "a client pings this often when nothing else is sent" },
  silenceMs: { value: 75_000, unit: "ms", why: "either side gives a connection up after this long without a frame" },
} as const satisfies Record<string, Limit>;
