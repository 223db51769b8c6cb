/** Attacks on what was said: other words, other attachments, other conversations, words that were changed or taken back since. */

import {
  accountIdToBytes,
  type BlobReference,
  committedForm,
  directConversationId,
  encodeContent,
  inspectHead,
  inspectWords,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { threadOf } from "../../../server/desk/console/thread.js";
import { disclosedOf } from "../../support/franking/disclosed.js";
import { accountOf, evidenceOf, NOW_MS, reasonOf, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { wordsItemOf } from "../../support/franking/reports.js";
import { salamander } from "../../support/franking/salamander.js";

const small = new SmallRealm();
const sender = small.device("S");
const me = accountOf("A");
const sent = small.send(sender, me, small.text(sender, me, "see you at noon"));
const evidence = evidenceOf(small.check(sent, me));
const item = { role: "reported", head: evidence.head } as const;

describe("attack 1, T1: a reporter forges or edits what was said", () => {
  test("any byte of the words changed is not what was committed to", () => {
    const words = wordsItemOf(evidence, sent);
    expect(inspectWords(words, item, small.realm).kind).toBe("verified");
    for (let at = 0; at < words.committed.length; at++) {
      const committed = new Uint8Array(words.committed);
      committed[at] = (committed[at] as number) ^ 1;
      expect(inspectWords({ ...words, committed }, item, small.realm)).toEqual({
        kind: "refused",
        reason: "wordsDiffer",
      });
    }
  });

  test("words of the same length, in good form, with a key of their own, neither", () => {
    const forged = { ...sent.content, text: "see you at dawn" } as typeof sent.content;
    const committed = committedForm(encodeContent(forged));
    for (const wordsKey of [evidence.wordsKey, secretOf("a key of the forger's")]) {
      const verdict = inspectWords({ wordsKey, committed, blobs: [] }, item, small.realm);
      expect(verdict).toEqual({ kind: "refused", reason: "wordsDiffer" });
    }
  });

  test("a head made to fit the forged words is not what was signed", () => {
    const forged = small.send(sender, me, { ...sent.content, text: "other" } as typeof sent.content);
    const { head } = evidenceOf(small.check(forged, me));
    const mixed = { ...evidence.head, wordsHash: head.wordsHash };
    expect(inspectHead(mixed, small.headKeys())).toEqual({ kind: "refused", reason: "notSigned" });
  });
});

describe("attack 6, T6: an attachment that opens as two different files under two keys", () => {
  const made = salamander("harmless", "terrible");
  const { kind: _kind, text: _text, ...header } = small.text(sender, me, "");
  const reference: BlobReference = {
    id: secretOf("blob").subarray(0, 16),
    key: made.one.key,
    digest: made.one.digest,
    sizeBytes: made.one.plaintext.length,
  };
  const attachments = [{ ...reference, media: "file", mime: "text/plain", expiresMs: NOW_MS } as const];
  const picture = small.send(sender, me, { ...header, kind: "attachments", attachments });
  const kept = evidenceOf(small.check(picture, me));
  const of = { role: "reported", head: kept.head } as const;
  const shown = (blob: BlobReference) =>
    inspectWords({ ...wordsItemOf(kept, picture), blobs: [{ index: 0, ...blob }] }, of, small.realm);

  test("the ciphertext really is one, under AES-256-GCM with one nonce", () => {
    expect(made.open(made.one.key)).toEqual(made.one.plaintext);
    expect(made.open(made.two.key)).toEqual(made.two.plaintext);
    expect(made.one.plaintext).not.toEqual(made.two.plaintext);
  });

  test("only the file whose digest was committed to passes; its other face is told apart by its digest", () => {
    expect(shown(reference).kind).toBe("verified");
    expect(shown({ ...reference, key: made.two.key })).toEqual({ kind: "refused", reason: "blobDiffers" });
    expect(shown({ ...reference, digest: made.two.digest })).toEqual({ kind: "refused", reason: "blobDiffers" });
    expect(shown({ ...reference, key: made.two.key, digest: made.two.digest })).toEqual({
      kind: "refused",
      reason: "blobDiffers",
    });
    // Who opens it with the key that was committed to compares the digest, as clients and the desk's console do.
    expect(made.digestOf(made.open(made.two.key))).not.toEqual(reference.digest);
  });
});

describe("attack 14, T10: a message is played again in another conversation, by another account, in another realm", () => {
  test("T10a: the conversation is in the words, which cannot be exchanged", () => {
    const other = { ...sent.content, conversation: directConversationId(me, accountOf("B")) };
    const committed = committedForm(encodeContent(other));
    expect(reasonOf(small.check({ ...sent, committed }, me))).toBe("commitment");
  });

  test("T10b: in the session of another account or device the token is not theirs", () => {
    for (const from of [small.device("X"), small.device("S", { device: 2 })])
      expect(reasonOf(small.check({ ...sent, from }, me))).toBe("token");
  });

  test("T10c: in another realm nothing fits, though it used the same keys", () => {
    const other = new SmallRealm("another").realm;
    expect(reasonOf(small.check(sent, me, { realm: other }))).toBe("commitment");
    expect(inspectHead(evidence.head, small.headKeys({ realm: other }))).toEqual({
      kind: "refused",
      reason: "notIssued",
    });
    const verdict = inspectWords(wordsItemOf(evidence, sent), item, other);
    expect(verdict).toEqual({ kind: "refused", reason: "wordsDiffer" });
  });
});

describe("attack 18, T12: the words are edited after the report, or deleted for everyone", () => {
  const { text: _text, ...header } = small.text(sender, me, "");
  const target = sent.content.messageId;
  const edit = small.send(sender, me, { ...header, kind: "edit", target, text: "see you soon" });
  const deletion = small.send(sender, me, { ...small.text(sender, me, ""), kind: "delete", target } as never, {});
  const editOf = evidenceOf(small.check(edit, me));
  const deletionOf = evidenceOf(small.check(deletion, me));

  test("the original stays evidence of its own, and reports with its edit and its deletion as one chain", () => {
    const items = [
      disclosedOf(small, evidence, sent, 0),
      disclosedOf(small, editOf, edit, 1),
      disclosedOf(small, deletionOf, deletion, 2),
    ];
    const messages = threadOf(items).rows.flatMap((row) => (row.kind === "message" ? [row.message] : []));
    expect(messages).toHaveLength(1);
    expect(messages[0]?.said.words.content).toMatchObject({ kind: "text", text: "see you at noon" });
    expect(messages[0]?.edits.map(({ words }) => words.content.text)).toEqual(["see you soon"]);
    expect(messages[0]?.deletes).toHaveLength(1);
  });

  test("an edit by somebody else is no part of the chain", () => {
    const other = small.device("T");
    const { text: _words, ...theirs } = small.text(other, me, "");
    const { conversation } = sent.content;
    const forged = small.send(other, me, { ...theirs, conversation, kind: "edit", target, text: "I never said so" });
    const forgedOf = evidenceOf(small.check(forged, me));
    const { rows } = threadOf([disclosedOf(small, evidence, sent, 0), disclosedOf(small, forgedOf, forged, 1)]);
    const [first] = rows.flatMap((row) => (row.kind === "message" ? [row.message] : []));
    expect(first?.edits).toEqual([]);
  });
});

test("what one says oneself is stamped for who it was said to", () => {
  const stampedFor = accountIdToBytes(me);
  const own = evidenceOf(small.check(sent, sender.account, { stampedFor, stamp: small.stampFor(me, sent) }));
  expect(inspectHead(own.head, small.headKeys()).kind).toBe("verified");
});
