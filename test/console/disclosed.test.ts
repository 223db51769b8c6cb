import { deskKeyId, sealKeysOf, toHex } from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../server/desk/base64.js";
import { type OpenedReport, openReports, resealWords, wipeReports } from "../../server/desk/console/disclosed.js";
import { threadOf } from "../../server/desk/console/thread.js";
import { secretOf } from "../support/franking/realm.js";
import { accused, hexOf, messageIdOf, Reported } from "./support/reported.js";

const key = sealKeysOf(secretOf("team"));
const keyId = toHex(deskKeyId(key.publicKey));

function openingOf(reported: Reported, change: (report: ReturnType<Reported["handedOut"]>) => object = () => ({})) {
  const report = reported.handedOut("a note", key, keyId);
  const realm = toHex(reported.realm.realm);
  return { opening: "o", closesMs: 0, watermark: "", realm, reports: [{ ...report, ...change(report) }] };
}

const text = (words: string) => ({ kind: "text", text: words }) as const;
const basic = () =>
  new Reported()
    .add({ by: "accused", role: "reported", counter: 1, id: "one", content: text("first") })
    .add({ by: "accused", role: "reported", counter: 2, id: "two", content: text("second"), forged: text("invented") });
const opened = (reports: readonly OpenedReport[]) => {
  const outcome = reports[0]?.outcome;
  if (outcome?.kind !== "open") throw new Error(`closed: ${outcome?.reason}`);
  return outcome;
};
const reasonOf = (reports: readonly OpenedReport[]) => {
  const outcome = reports[0]?.outcome;
  return outcome?.kind === "closed" ? outcome.reason : "open";
};

describe("words, opened in the browser", () => {
  test("are shown where they are what was signed, and refused where they are not", () => {
    const { items, note } = opened(openReports(openingOf(basic()), () => key));
    expect(note).toBe("a note");
    expect(items.map((item) => item.words.kind)).toEqual(["shown", "refused"]);
    expect(items[1]?.words).toEqual({ kind: "refused", reason: "wordsDiffer" });
    expect(items[0]?.account).toBe(hexOf(accused));
  });

  test("stay closed without the key, with another team's, and beside other heads", () => {
    expect(reasonOf(openReports(openingOf(basic()), () => undefined))).toBe("noKey");
    expect(reasonOf(openReports(openingOf(basic()), () => sealKeysOf(secretOf("other"))))).toBe("notForUs");
    const other = new Reported().add({ by: "accused", role: "reported", counter: 9, id: "x", content: text("x") });
    const { heads } = other.handedOut("", key, keyId);
    expect(
      reasonOf(
        openReports(
          openingOf(basic(), () => ({ heads })),
          () => key,
        ),
      ),
    ).toBe("notForUs");
  });

  test("stay closed for another reporter, another report, and after a flipped bit", () => {
    const flipped = (base64: string) => {
      const bytes = fromBase64(base64) ?? new Uint8Array();
      bytes[2_000] = (bytes[2_000] ?? 0) ^ 1;
      return toBase64(bytes);
    };
    expect(
      reasonOf(
        openReports(
          openingOf(basic(), () => ({ reporter: "00".repeat(16) })),
          () => key,
        ),
      ),
    ).toBe("notForUs");
    expect(
      reasonOf(
        openReports(
          openingOf(basic(), () => ({ report: "00".repeat(16) })),
          () => key,
        ),
      ),
    ).toBe("notForUs");
    expect(
      reasonOf(
        openReports(
          openingOf(basic(), ({ words }) => ({ words: flipped(words) })),
          () => key,
        ),
      ),
    ).toBe("notForUs");
  });

  test("go to another team as they are, and garbage goes as nothing instead of holding the case back", () => {
    const other = sealKeysOf(secretOf("platform"));
    const resealed = (opening: ReturnType<typeof openingOf>) => {
      const [report] = opening.reports;
      if (report === undefined) throw new Error("no report");
      const words = toBase64(resealWords(opening.realm, report, key, other.publicKey));
      return openReports({ ...opening, reports: [{ ...report, words }] }, () => other);
    };
    expect(opened(resealed(openingOf(basic()))).note).toBe("a note");
    expect(reasonOf(resealed(openingOf(basic(), () => ({ words: toBase64(new Uint8Array(5_264)) }))))).toBe(
      "unreadable",
    );
  });

  test("lose the keys of their files when they are closed", () => {
    const file = { id: secretOf("i").slice(0, 16), key: secretOf("k"), digest: secretOf("d"), sizeBytes: 3 };
    const none = { name: undefined, width: undefined, height: undefined, thumbnail: undefined };
    const attachment = { ...file, ...none, media: "file", mime: "a/b", expiresMs: 1 } as const;
    const unset = { durationMs: undefined, waveform: undefined, blurhash: undefined };
    const content = {
      kind: "attachments",
      text: undefined,
      quoted: undefined,
      attachments: [{ ...attachment, ...unset }],
    } as const;
    const reports = openReports(
      openingOf(new Reported().add({ by: "accused", role: "reported", counter: 1, id: "f", content })),
      () => key,
    );
    const words = opened(reports).items[0]?.words;
    const blob = words?.kind === "shown" ? words.blobs.get(0) : undefined;
    expect(blob?.key).toEqual(secretOf("k"));
    wipeReports(reports);
    expect(blob?.key.every((byte) => byte === 0)).toBe(true);
  });
});

describe("the thread", () => {
  const threadFrom = (reported: Reported) => threadOf(opened(openReports(openingOf(reported), () => key)).items);
  const shape = (reported: Reported) =>
    threadFrom(reported).rows.map((row) => {
      if (row.kind === "gap") return `gap ${row.gap.missing}`;
      if (row.kind === "message") return row.message.said.words.content.messageId;
      return row.kind;
    });

  test("counts what is missing between two numbers of one sender, and nothing else", () => {
    const reported = new Reported()
      .add({ by: "accused", role: "reported", counter: 3, id: "a", content: text("a") })
      .add({ by: "reporter", role: "own", counter: 9, id: "b", content: text("b") })
      .add({ by: "accused", role: "reported", counter: 6, id: "c", content: text("c") })
      .add({ by: "accused", role: "reported", counter: 7, id: "d", content: text("d") });
    expect(shape(reported)).toEqual([
      "conversation",
      ...["a", "b"].map(messageIdOf),
      "gap 2",
      ...["c", "d"].map(messageIdOf),
    ]);
    expect(threadFrom(reported).gaps).toMatchObject([{ account: hexOf(accused), after: 3, before: 6, missing: 2 }]);
  });

  test("says where another conversation begins", () => {
    const reported = new Reported()
      .add({ by: "accused", role: "reported", counter: 1, id: "a", content: text("a") })
      .add({ by: "other", role: "context", counter: 5, id: "b", content: text("b") })
      .add({ by: "accused", role: "reported", counter: 2, id: "c", content: text("c") });
    expect(shape(reported)).toEqual([
      "conversation",
      messageIdOf("a"),
      "conversation",
      messageIdOf("b"),
      "conversation",
      messageIdOf("c"),
    ]);
    expect(threadFrom(reported).conversations).toHaveLength(2);
  });

  test("puts edits, deletes and reactions with their message, and takes edits of its own account only", () => {
    const reported = new Reported()
      .add({ by: "accused", role: "reported", counter: 1, id: "a", content: text("a") })
      .add({
        by: "accused",
        role: "reported",
        counter: 2,
        id: "b",
        content: { kind: "edit", target: messageIdOf("a"), text: "b" },
      })
      .add({
        by: "reporter",
        role: "own",
        counter: 1,
        id: "c",
        content: { kind: "edit", target: messageIdOf("a"), text: "c" },
      })
      .add({
        by: "reporter",
        role: "own",
        counter: 2,
        id: "d",
        content: { kind: "reaction", target: messageIdOf("a"), emoji: "x", action: "add" },
      })
      .add({
        by: "accused",
        role: "reported",
        counter: 3,
        id: "e",
        content: { kind: "delete", target: messageIdOf("a") },
      });
    const [, first, second, ...more] = threadFrom(reported).rows;
    expect(more).toEqual([]);
    expect(first?.kind === "message" && first.message.edits.map((edit) => edit.words.content.text)).toEqual(["b"]);
    expect(first?.kind === "message" && first.message.deletes).toHaveLength(1);
    expect(first?.kind === "message" && first.message.reactions).toHaveLength(1);
    expect(second?.kind === "message" && second.message.said.words.content.messageId).toBe(messageIdOf("c"));
  });

  test("shows a message once however many reports disclose it, and marks what its sender counted earlier", () => {
    const reported = new Reported()
      .add({ by: "accused", role: "reported", counter: 5, id: "a", content: text("a") })
      .add({ by: "accused", role: "reported", counter: 4, id: "b", content: text("b") });
    const { items } = opened(openReports(openingOf(reported), () => key));
    const rows = threadOf([...items, ...items]).rows.filter((row) => row.kind === "message");
    expect(rows.map((row) => [row.message.copies, row.message.isOutOfOrder])).toEqual([
      [2, false],
      [2, true],
    ]);
  });
});
