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
  greetingMs: { value: 5_000, unit: "ms", why: "from the challenge to a valid answer" },
  heartbeatMs: { value: 30_000, unit: "ms", why: "a client pings this often when nothing else is sent" },
  silenceMs: { value: 75_000, unit: "ms", why: "either side gives a connection up after this long without a frame" },
} as const satisfies Record<string, Limit>;
