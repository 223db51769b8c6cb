import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeSealedReport, seal, toHex } from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { toBase64 } from "../../../server/desk/base64.js";
import { sealKeyFile } from "../../../server/desk/key-file.js";
import { teamKeyContext } from "../../../server/desk/person-key.js";
import { openLevelRows, rowsFolder } from "../../../server/desk/store/level-rows.js";
import { openDesk, type Someone, type TestDesk } from "../desk/desk-of.js";
import { arrive, communityKeys, type Message, say, someoneEnrolled, submit } from "../desk/report-of.js";
import { hire } from "../desk/staff.js";
import { temporaryFolders } from "../ops/temporary-folder.js";
import { desk } from "./sotto-desk.js";

const newFolder = temporaryFolders();
const PASSPHRASE = "correct horse battery";
/** Cheap, for tests; what the console writes is dear. */
const COST = { log2N: 14, r: 8, p: 1 };

let test: TestDesk;
/** The folder of a stopped desk's data folder, and of files beside it. */
let folder: string;
let people: { readonly reporter: Someone; readonly accused: Someone };
let message: Message;

const at = (name: string) => join(folder, name);

beforeAll(async () => {
  test = await openDesk();
  folder = newFolder();
  const lead = await hire(test, "lead");
  const { publicKey, secretKey } = communityKeys;
  const sealed = seal(
    Buffer.from(lead.me.box, "base64"),
    teamKeyContext(toHex(test.realm), "community", publicKey),
    secretKey,
  );
  await test.desk.newTeamKey(lead.me, {
    team: "community",
    publicKey: toBase64(publicKey),
    grants: [{ moderator: lead.me.id, sealed: toBase64(sealed) }],
  });
  people = { reporter: await someoneEnrolled(test), accused: await someoneEnrolled(test) };
  message = await say(test, people.accused, people.reporter.account, "words that were said");
  const { name } = submit(test, people.reporter, { accused: people.accused.account }, [message]);
  await arrive(test);
  await writeFile(at("report"), await test.desk.exportReport(lead.me, name));
  const owner = { name: "Ada", moderator: lead.me.id, realm: toHex(test.realm) };
  const chance = { salt: new Uint8Array(randomBytes(16)), nonce: new Uint8Array(randomBytes(12)), cost: COST };
  await writeFile(at("person.json"), await sealKeyFile(lead.secret, owner, PASSPHRASE, chance));
  await keep(test, folder);
});

/** Puts a desk's rows into a data folder. */
async function keep({ rows }: TestDesk, into: string): Promise<void> {
  const kept = await openLevelRows(rowsFolder(join(into, "data")));
  await kept.write([...rows.held].map(([key, value]) => ({ key, value })));
  await kept.close();
}

/** Writes a report of messages, whatever they are, as it leaves a reporter's device. */
async function fileOf(name: string, messages: readonly Message[], accused = people.accused): Promise<string> {
  submit(test, people.reporter, { accused: accused.account }, messages);
  const left = test.relay.waiting.pop();
  if (left === undefined) throw new Error("nothing was left");
  const { report: id, reporter, receivedMs, heads, words } = left;
  await writeFile(at(name), encodeSealedReport({ id, reporter, receivedMs, heads, words }));
  return at(name);
}

const verify = (file: string, ...more: readonly string[]) =>
  desk(folder, ["verify-report", file, ...more], { PASS: PASSPHRASE, WRONG: "another passphrase" });
const withWords = () => ["--person-key", at("person.json"), "--passphrase-env", "PASS"];

describe("verify-report", () => {
  it("finds a genuine report genuine, with no word of it", async () => {
    const { code, out } = await verify(at("report"));
    expect(out).toContain("GENUINE: all 1 messages.");
    expect(out).toContain("words not opened");
    expect(out).not.toContain("that were said");
    expect(code).toBe(0);
  });

  it("checks the words too with a moderator's key, and shows them only where that is asked for", async () => {
    const { code, out } = await verify(at("report"), ...withWords());
    expect(out).toContain("sent genuine, words genuine");
    expect(out).not.toContain("that were said");
    expect(code).toBe(0);
    expect((await verify(at("report"), ...withWords(), "--show-words")).out).toContain("words that were said");
  });

  it("takes exported keys in place of the data folder, and a copy of one", async () => {
    expect((await desk(folder, ["keys", "export", at("keys.json")])).code).toBe(0);
    expect((await verify(at("report"), "--keys", at("keys.json"), ...withWords())).code).toBe(0);
    expect((await verify(at("report"), "--keys", at("data"))).code).toBe(0);
    expect(await desk(folder, ["keys", "export", at("keys.json")])).toMatchObject({ code: 1 });
  });

  it("finds another time, another sender, and other words", async () => {
    const { evidence, committed } = message;
    const head = { ...evidence.head, acceptedMs: evidence.head.acceptedMs + 1 };
    const later = { ...message, evidence: { ...evidence, head } };
    expect(await verify(await fileOf("later", [later]))).toMatchObject({
      code: 1,
      out: expect.stringContaining("REFUSED (notStamped)"),
    });
    const third = await someoneEnrolled(test);
    const blamed = { ...message, evidence: { ...evidence, head: { ...evidence.head, account: third.account } } };
    expect(await verify(await fileOf("blamed", [blamed], third))).toMatchObject({
      code: 1,
      out: expect.stringContaining("REFUSED (notIssued)"),
    });
    const other = { ...message, committed: committed.map((byte) => (byte === 0x77 ? 0x57 : byte)) };
    const forged = await fileOf("forged", [other]);
    expect(await verify(forged)).toMatchObject({ code: 0 });
    expect(await verify(forged, ...withWords())).toMatchObject({
      code: 1,
      out: expect.stringContaining("words REFUSED (wordsDiffer)"),
    });
  });

  it("does not call one genuine of which a part is not", async () => {
    const late = { ...message.evidence.head, acceptedMs: message.evidence.head.acceptedMs + 1 };
    const bad = { ...message, evidence: { ...message.evidence, head: late } };
    const { code, out } = await verify(await fileOf("mixed", [message, bad]));
    expect(out).toContain("NOT GENUINE: 1 of 2 messages fail");
    expect(code).toBe(1);
  });

  it("reads no report of another desk, and none that was changed", async () => {
    const elsewhere = newFolder();
    await keep(await openDesk(), elsewhere);
    const foreign = await verify(at("report"), "--keys", join(elsewhere, "data"));
    expect([foreign.code, foreign.out]).toEqual([1, expect.stringContaining("NOT GENUINE: No triage key opens it")]);
    await writeFile(at("nonsense"), randomBytes(300));
    expect(await verify(at("nonsense"))).toMatchObject({ code: 1, out: expect.stringContaining("no exported report") });
  });

  it("says in one sentence what it lacks", async () => {
    expect((await verify(at("nothing"))).errors).toMatch(/^sotto-desk: .*cannot be read \(ENOENT\)\.\n$/);
    expect((await verify(at("report"), "--keys", at("nothing"))).errors).toMatch(/^sotto-desk: There are no keys/);
    const wrong = await verify(at("report"), "--person-key", at("person.json"), "--passphrase-env", "WRONG");
    expect([wrong.code, wrong.errors]).toEqual([1, expect.stringContaining("does not open this key file")]);
    const unset = await verify(at("report"), "--person-key", at("person.json"), "--passphrase-env", "UNSET");
    expect(unset).toMatchObject({ code: 2, errors: "sotto-desk: UNSET is not set.\n" });
  });
});
