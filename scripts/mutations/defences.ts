/**
 * The defences of reports, each with what is left when it is taken away, and the tests that must go red then. By the numbers of the
 * attack table in SECURITY.md.
 */

/** One place of the source: exactly this text, found exactly once, becomes that. */
interface Cut {
  readonly file: string;
  readonly cut: string;
  readonly put: string;
}

/** One defence. */
export interface Defence {
  /** The attacks it stands against. */
  readonly attacks: readonly number[];
  readonly name: string;
  readonly cuts: readonly Cut[];
  readonly tests: readonly string[];
}

const FRANK = "protocol/frank/frank.ts";
const INSPECT = "protocol/frank/inspect.ts";
const ROSTER = "protocol/frank/roster.ts";
const REPORT = "protocol/frank/report.ts";
const SEAL = "protocol/frank/seal.ts";
const DESK_KEYS = "server/desk/keys/ed25519.ts";
const THREAD = "server/desk/console/thread.ts";
const SIGNED = 'return hash("frank1/frank", realm, ...who, over.wordsHash, over.root, over.token);';
const OUTER = 'return mac(outerKey, "frank1/outer", realm, wordsHash, root, token, tokenMac, signature);';
const attack = (name: string) => `test/attacks/frank/${name}.test.ts`;

function row(
  attacks: readonly number[],
  name: string,
  [file, cut, put]: readonly [file: string, cut: string, put: string],
  ...tests: readonly string[]
): Defence {
  return { attacks, name, cuts: [{ file, cut, put }], tests: tests.map(attack) };
}

/** All of them. */
export const defences: readonly Defence[] = [
  row(
    [1],
    "the words are those that were committed to",
    [
      INSPECT,
      'if (!equalBytes(wordsHashOf(realm, words.wordsKey, words.committed), head.wordsHash)) return refused("wordsDiffer");',
      "",
    ],
    "words",
  ),
  row(
    [2, 3],
    "the issuer gave this key to the accused",
    [
      INSPECT,
      'if (!equalBytes(accountTag(accountKey, realm, speaker, head), head.accountTag)) return refused("notIssued");',
      "",
    ],
    "accusing",
  ),
  row(
    [2],
    "the account is in its tag",
    [
      "protocol/frank/token.ts",
      'return mac(accountKey, "frank1/acct", realm, ...who, u32(epoch), publicKey);',
      'void who;\n  return mac(accountKey, "frank1/acct", realm, u32(epoch), publicKey);',
    ],
    "accusing",
  ),
  row(
    [3, 26],
    "the token's key signed it",
    [
      INSPECT,
      "if (!keys.verify(publicKey, frankText(realm, speaker, { wordsHash, root, token }), signature))",
      "if (false)",
    ],
    "accusing",
  ),
  row(
    [4],
    "what is signed names whom it was meant for",
    [FRANK, SIGNED, SIGNED.replace("over.root, ", "")],
    "accusing",
  ),
  row(
    [4],
    "a stamp is for the reporter",
    [
      INSPECT,
      "const isReceived = head.recipient === reporter && accountIdFromBytes(head.stampedFor) === reporter;",
      "void accountIdFromBytes;\n  const isReceived = head.recipient === reporter;",
    ],
    "accusing",
  ),
  row(
    [5, 7, 14],
    "what the relay took is what came",
    [FRANK, 'if (!equalBytes(commitment, check.commitment)) return refused("commitment");', ""],
    "unreportable",
    "groups",
    "words",
  ),
  row(
    [5],
    "the token was issued to who sent it",
    [
      FRANK,
      'if (!check.verify(epochKey, tokenText(realm, speaker, token32), token.signature)) return refused("token");',
      "",
    ],
    "unreportable",
  ),
  row(
    [5, 11],
    "a message is signed by its token's key",
    [
      FRANK,
      'if (!check.verify(token.publicKey, frankText(realm, speaker, signed), signature)) return refused("signature");',
      "",
    ],
    "unreportable",
    "accusing",
  ),
  row(
    [5],
    "the reader is the one it is meant for",
    [
      FRANK,
      'if (opening === undefined || !isMine) return refused("roster");',
      'if (opening === undefined) return refused("roster");',
    ],
    "unreportable",
  ),
  row(
    [5],
    "a frank has one length",
    [FRANK, "if (bytes.length !== FRANK_BYTES || bytes[0] !== FRANK_VERSION) return undefined;", ""],
    "unreportable",
  ),
  row(
    [5],
    "the desk reads one spelling only",
    [
      INSPECT,
      'if (content === undefined) return refused("malformed");',
      'if (content === undefined) return { kind: "verified", content: {} as never, blobs: new Map() };',
    ],
    "unreportable",
  ),
  row(
    [6],
    "an attachment is the one that was committed to",
    [
      INSPECT,
      'if (expected === undefined || !equalBytes(blobCommitment(blob), expected)) return refused("blobDiffers");',
      "void expected;",
    ],
    "words",
  ),
  row(
    [6],
    "the digest of the plaintext is committed to",
    [
      "protocol/frank/committed.ts",
      'return hash("frank1/att", id, key, digest, u64(sizeBytes));',
      'void digest;\n  return hash("frank1/att", id, key, u64(sizeBytes));',
    ],
    "words",
  ),
  row(
    [7],
    "the commitment holds the words, and the signature does",
    [FRANK, OUTER, OUTER.replace("wordsHash, ", "")],
    "groups",
  ),
  row(
    [8],
    "a roster is of one entry of the log",
    [
      ROSTER,
      'return rosterOf(realm, mac(head, "frank1/roster", realm, fromHex(group), u32(revision)), [...members].sort());',
      'void [revision, u32];\n  return rosterOf(realm, mac(head, "frank1/roster", realm, fromHex(group)), [...members].sort());',
    ],
    "groups",
  ),
  row(
    [8],
    "every member is in the root",
    [
      ROSTER,
      "const leaves = accounts.map((account, index) => leaf(realm, salts[index] as Uint8Array, account));",
      "const leaves = accounts.slice(0, 2).map((account, index) => leaf(realm, salts[index] as Uint8Array, account));",
    ],
    "groups",
  ),
  row(
    [9],
    "keys of small order are unsound",
    [
      DESK_KEYS,
      "return !ed25519.Point.fromBytes(publicKey, false).isSmallOrder();",
      "ed25519.Point.fromBytes(publicKey, false);\n    return true;",
    ],
    "keys",
  ),
  row([9], "the issuer looks at keys", ["server/desk/issuer/issuer.ts", "!keys.every(isSoundKey) || ", ""], "keys"),
  row(
    [9],
    "the desk holds nobody to a weak key",
    [INSPECT, 'if (!keys.isSoundKey(publicKey)) return refused("weakKey");', ""],
    "keys",
  ),
  row([10], "the desk checks by ZIP-215", [DESK_KEYS, "{ zip215: true }", "{ zip215: false }"], "keys"),
  row(
    [10],
    "the desk takes torsion in R",
    [
      DESK_KEYS,
      "return ed25519.verify(signature, text, publicKey, { zip215: true });",
      "const straight = ed25519.Point.fromBytes(signature.subarray(0, 32), true).isTorsionFree();\n    return straight && ed25519.verify(signature, text, publicKey, { zip215: true });",
    ],
    "keys",
  ),
  row(
    [12],
    "tokens in the feed count no more",
    [FRANK, 'if (check.isRevoked(tokenName(token.publicKey))) return refused("revoked");', ""],
    "reports",
  ),
  row(
    [13, 22],
    "reports of one message have one mark",
    [INSPECT, 'hash("frank1/dedupe", wordsHash, publicKey)', 'hash("frank1/dedupe", wordsHash, publicKey, head.stamp)'],
    "reports",
  ),
  row(
    [13, 16, 19],
    "a token is good for its day",
    [
      FRANK,
      "if (!isInEpoch(token.epoch, acceptedMs) || acceptedMs > nowMs + CLOCK_SKEW_MS)",
      "if (acceptedMs > nowMs + CLOCK_SKEW_MS)",
    ],
    "reports",
    "keys",
    "unreportable",
  ),
  row(
    [14],
    "the realm is in what commits to the words",
    [
      FRANK,
      'return mac(wordsKey, "frank1/msg", realm, committed);',
      'void realm;\n  return mac(wordsKey, "frank1/msg", new Uint8Array(16), committed);',
    ],
    "words",
  ),
  row(
    [15],
    "what is signed names account and token",
    [FRANK, SIGNED, 'void who;\n  return hash("frank1/frank", realm, over.wordsHash, over.root);'],
    "accusing",
  ),
  row(
    [16],
    "the commitment holds the issuer's signature of then",
    [FRANK, OUTER, `void tokenMac;\n  ${OUTER.replace("tokenMac, ", "")}`],
    "keys",
  ),
  row([17], "each role has a key of its own", [SEAL, "xWing.keygen(seed)", "xWing.keygen(new Uint8Array(32))"], "keys"),
  row(
    [18],
    "only the same account edits",
    [
      THREAD,
      'edits: laterOn(one, all, "edit").filter((edit) => edit.account === one.account),',
      'edits: laterOn(one, all, "edit"),',
    ],
    "words",
  ),
  row(
    [19],
    "nothing is shown from the future",
    [FRANK, " || acceptedMs > nowMs + CLOCK_SKEW_MS) return", ") return"],
    "unreportable",
  ),
  row(
    [19],
    "the time is in the stamp",
    ["protocol/frank/stamp.ts", "view.setBigUint64(rest.length - 8, BigInt(acceptedMs));", "void acceptedMs;"],
    "unreportable",
  ),
  row(
    [5, 20],
    "without a stamp nothing is shown",
    [
      FRANK,
      "version === undefined || check.stamp.length !== STAMP_BYTES",
      "version === undefined || STAMP_BYTES === 0",
    ],
    "unreportable",
  ),
  row(
    [20, 3],
    "the desk checks the stamp",
    [INSPECT, 'if (!equalBytes(made, head.stamp)) return refused("notStamped");', "void made;"],
    "unreportable",
  ),
  row([21], "what is withheld shows", [THREAD, "if (missing <= 0) continue;", "continue;"], "groups"),
  row(
    [21],
    "messages stand in the relay's order",
    [THREAD, ".sort((one, other) => inOrder(one.said, other.said))", ""],
    "groups",
  ),
  row(
    [21],
    "two contents under one id are two",
    [THREAD, "JSON.stringify(content, spelledBytes)", "content.messageId"],
    "groups",
  ),
  row(
    [22],
    "only what is genuine counts",
    [
      "server/desk/triage/judge.ts",
      'trust: counts ? "verified" : "unverified"',
      'trust: counts || items.length > 0 ? "verified" : "unverified"',
    ],
    "reports",
  ),
  row(
    [23],
    "the commitment is blinded",
    [FRANK, OUTER, "void [outerKey, realm, wordsHash, root, tokenMac, signature];\n  return token.slice();"],
    "reports",
  ),
  row(
    [24],
    "the secret of a message is dropped",
    [
      FRANK,
      "...{ wordsHash, outerKey, recipient, salt, path, tokenMac, signature },",
      "...{ wordsHash, outerKey, recipient, salt, path, tokenMac: secret, signature },",
    ],
    "reports",
  ),
  row(
    [25],
    "a report is its reporter's",
    [
      REPORT,
      'return labelled("frank1/info", realm, id, accountIdToBytes(reporter), encoder.encode(layer), headHash);',
      'void reporter;\n  return labelled("frank1/info", realm, id, encoder.encode(layer), headHash);',
    ],
    "reports",
  ),
  row(
    [25],
    "the words open beside their heads only",
    [
      REPORT,
      'return labelled("frank1/info", realm, id, accountIdToBytes(reporter), encoder.encode(layer), headHash);',
      'void headHash;\n  return labelled("frank1/info", realm, id, accountIdToBytes(reporter), encoder.encode(layer));',
    ],
    "reports",
  ),
  row(
    [25],
    "a seal commits to its key",
    [SEAL, "if (!equalBytes(commit, sealed.subarray(KEM_BYTES, HEAD_BYTES))) return undefined;", ""],
    "reports",
  ),
  row(
    [26],
    "one report accuses one account",
    [INSPECT, 'if (head.account !== accused) return "severalAccused";', ""],
    "accusing",
  ),
  row(
    [26],
    "nobody reports itself",
    [INSPECT, "return isReceived && accused !== reporter ?", "return isReceived ?"],
    "accusing",
  ),
  row(
    [26],
    "an appeal is by who was accused",
    [INSPECT, 'if (kind === "appeal" && accused !== reporter) return "notTheirs";', ""],
    "accusing",
  ),
  row([27], "no version below the realm's", [FRANK, "version < check.minVersion || ", ""], "unreportable"),
  row(
    [28],
    "only known media are shown",
    [
      "server/desk/console/media-type.ts",
      "  return frameSync(bytes);\n}",
      '  return frameSync(bytes) ?? { kind: "image", mime: "image/png" };\n}',
    ],
    "hostile-content",
  ),
  row(
    [29],
    "a statement has no place for quotes",
    [
      "protocol/desk/notes.ts",
      "    statement: bytes(16),\n",
      "    statement: bytes(16),\n    quote: optional(text(100)),\n",
    ],
    "reports",
  ),
];
