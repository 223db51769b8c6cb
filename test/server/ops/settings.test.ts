import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSettings, settingsFrom } from "../../../server/ops/read-settings.js";
import { SettingsError } from "../../../server/ops/read-table.js";
import { environmentName, listenHost, settingRows } from "../../../server/ops/settings.js";
import { settingsPrintout, settingsReference } from "../../../server/ops/settings-text.js";
import { temporaryFolders } from "./temporary-folder.js";

const newFolder = temporaryFolders();
const DEVELOPMENT = { SOTTO_DEVELOPMENT: "true" };

function problemsOf(environment: Record<string, string>, folder = newFolder()): readonly string[] {
  try {
    readSettings({ environment, folder });
  } catch (cause) {
    if (cause instanceof SettingsError) return cause.problems;
    throw cause;
  }
  return [];
}

describe("the table of settings", () => {
  it("has a default or says what happens without one, in every row", () => {
    for (const { key, row } of settingRows()) {
      expect([key, row.preset === undefined, row.unset === undefined]).toEqual([
        key,
        row.preset === undefined,
        row.preset !== undefined,
      ]);
      if (row.preset !== undefined) expect(() => row.kind.parse(row.preset ?? "", "/"), key).not.toThrow();
    }
  });

  it("names settings in the environment in capitals", () => {
    expect(environmentName("dataDir")).toBe("SOTTO_DATA_DIR");
    expect(environmentName("tokenJwksUrl")).toBe("SOTTO_TOKEN_JWKS_URL");
  });

  it("yields a reference with a line for every setting", () => {
    const reference = settingsReference();
    for (const { key } of settingRows()) expect(reference).toContain(`| \`${environmentName(key)}\` | \`${key}\` |`);
  });
});

describe("reading settings", () => {
  it("gives the documented defaults", () => {
    const folder = newFolder();
    const settings = readSettings({ environment: DEVELOPMENT, folder });
    expect(settings).toMatchObject({
      port: 8787,
      dataDir: join(folder, "data"),
      transport: "auto",
      deviceLimit: 6,
      groupAccounts: 250,
      groupRecipients: 2_000,
      groupLogEntries: 10_000,
      groupLogBytes: 16 * 1024 ** 2,
      groupTtl: 365 * 86_400_000,
      mailboxBytes: 16 * 1024 ** 2,
      envelopeTtl: 30 * 86_400_000,
      refusalDelay: 25,
    });
  });

  it("listens on this machine only in development mode, and on every interface otherwise", () => {
    expect(listenHost(settingsFrom({ development: true }))).toBe("127.0.0.1");
    const production = { tokenKey: { file: "/key.pem" }, tokenIssuer: "host", tokenAudience: "relay" };
    expect(listenHost(settingsFrom(production))).toBe("0.0.0.0");
    expect(listenHost(settingsFrom({ ...production, host: "10.0.0.1" }))).toBe("10.0.0.1");
  });

  it("lets the environment win over the file", () => {
    const folder = newFolder();
    writeFileSync(join(folder, "sotto.json"), JSON.stringify({ development: true, port: 1, deviceLimit: 3 }));
    const settings = readSettings({ environment: { SOTTO_PORT: "2" }, folder });
    expect([settings.port, settings.deviceLimit, settings.development]).toEqual([2, 3, true]);
  });

  it("takes paths of the file relative to the file, and lists as JSON lists", () => {
    const folder = newFolder();
    const file = join(newFolder(), "relay.json");
    writeFileSync(
      file,
      JSON.stringify({ development: true, dataDir: "d", allowedOrigins: ["https://a.example", "https://b.example"] }),
    );
    const settings = readSettings({ environment: { SOTTO_CONFIG: file }, folder });
    expect(settings.dataDir).toBe(join(file, "..", "d"));
    expect(settings.allowedOrigins).toEqual(["https://a.example", "https://b.example"]);
  });

  it("takes a floor for first contacts and the bases of grants", () => {
    const read = (environment: Record<string, string>) =>
      readSettings({ environment: { ...DEVELOPMENT, ...environment }, folder: newFolder() });
    expect(read({})).toMatchObject({ firstContactFloor: "everyone", grantBases: [] });
    expect(read({ SOTTO_FIRST_CONTACT_FLOOR: "grant", SOTTO_GRANT_BASES: "mutual_follow, credit" })).toMatchObject({
      firstContactFloor: "grant",
      grantBases: ["mutual_follow", "credit"],
    });
  });

  it("counts an empty variable as not set", () => {
    expect(readSettings({ environment: { ...DEVELOPMENT, SOTTO_PORT: "" }, folder: newFolder() }).port).toBe(8787);
  });

  it("ignores variables of others", () => {
    expect(problemsOf({ ...DEVELOPMENT, PORT: "x", SOTTOVOCE: "1" })).toEqual([]);
  });
});

describe("settings that cannot be used", () => {
  it("are reported all at once", () => {
    const folder = newFolder();
    writeFileSync(
      join(folder, "sotto.json"),
      JSON.stringify({ keysLowAt: 1000, colour: "red", deviceLimit: { max: 3 } }),
    );
    const problems = problemsOf({ SOTTO_PORT: "eighty", SOTTO_ENVELOPE_TTL: "30", SOTTO_DATADIR: "x" }, folder);
    expect(problems).toHaveLength(6);
    for (const part of [
      "SOTTO_PORT must be",
      "SOTTO_ENVELOPE_TTL must be",
      "SOTTO_DATADIR is no",
      '"keysLowAt"',
      '"colour"',
      '"deviceLimit"',
    ]) {
      expect(
        problems.some((problem) => problem.includes(part)),
        part,
      ).toBe(true);
    }
  });

  it.each([
    ["SOTTO_PROT", "SOTTO_PORT"],
    ["SOTTO_DATADIR", "SOTTO_DATA_DIR"],
    ["SOTTO_ENVELOP_TTL", "SOTTO_ENVELOPE_TTL"],
    ["SOTTO_CONFG", "SOTTO_CONFIG"],
  ])("stop the start for the unknown name %s and suggest %s", (wrong, right) => {
    expect(problemsOf({ ...DEVELOPMENT, [wrong]: "1" })).toEqual([`${wrong} is no setting; did you mean ${right}?`]);
  });

  it("include a floor nobody knows, and bases that do not fit an answer", () => {
    const bases = (count: number, length: number) =>
      Array.from({ length: count }, (_, at) => `${at}`.padEnd(length, "b")).join(",");
    expect(problemsOf({ ...DEVELOPMENT, SOTTO_GRANT_BASES: bases(16, 64) })).toEqual([]);
    for (const wrong of [bases(17, 4), bases(1, 65), "müde", "two words"]) {
      expect(problemsOf({ ...DEVELOPMENT, SOTTO_GRANT_BASES: wrong }), wrong).toHaveLength(1);
    }
    expect(problemsOf({ ...DEVELOPMENT, SOTTO_FIRST_CONTACT_FLOOR: "friends" })).toHaveLength(1);
  });

  it("suggest nothing for a name that resembles none", () => {
    expect(problemsOf({ ...DEVELOPMENT, SOTTO_QQQQQQQQQQQQQQQQQQQQ: "1" })[0]).toContain("SETTINGS.md lists all");
  });

  it.each([
    ["[1]", "one JSON object"],
    ["{ port: 1 }", "not valid JSON"],
  ])("include a settings file that holds %s", (content, message) => {
    const folder = newFolder();
    writeFileSync(join(folder, "sotto.json"), content);
    expect(problemsOf(DEVELOPMENT, folder)[0]).toContain(message);
  });

  it("include a named settings file that does not exist", () => {
    expect(problemsOf({ ...DEVELOPMENT, SOTTO_CONFIG: "missing.json" })[0]).toContain("cannot be read (ENOENT)");
  });

  it("include a production relay that cannot check who registers", () => {
    const problems = problemsOf({});
    expect(problems).toHaveLength(3);
    expect(problems[0]).toContain("SOTTO_TOKEN_KEY");
  });

  it("include two sources of token keys at once", () => {
    const twice = {
      SOTTO_TOKEN_KEY: "a.pem",
      SOTTO_TOKEN_JWKS_FILE: "b.json",
      SOTTO_TOKEN_ISSUER: "i",
      SOTTO_TOKEN_AUDIENCE: "a",
    };
    expect(problemsOf(twice)).toEqual([expect.stringContaining("only one of")]);
  });

  it("are refused from a program too, before anything starts", () => {
    expect(() => settingsFrom({ development: true, deviceLimit: 99 })).toThrow(SettingsError);
  });
});

describe("secrets", () => {
  const SECRET = "a-very-secret-metrics-token";

  it("are masked in the printout, where everything else is shown", () => {
    const printout = settingsPrintout(
      settingsFrom({ development: true, metricsToken: SECRET, envelopeTtl: 3_600_000 }),
    );
    expect(printout).not.toContain(SECRET);
    expect(printout).toContain("SOTTO_METRICS_TOKEN=(set, not shown)");
    expect(printout).toContain("SOTTO_ENVELOPE_TTL=1h");
    expect(printout.split("\n")).toHaveLength(settingRows().length);
  });

  it("are not repeated when they are refused", () => {
    const problems = problemsOf({ ...DEVELOPMENT, SOTTO_METRICS_TOKEN: "short one" });
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain("short one");
  });

  it("of the host are refused where a public key belongs, without repeating them", () => {
    const key = "-----BEGIN PRIVATE KEY-----\\nMC4CAQ\\n-----END PRIVATE KEY-----";
    const problems = problemsOf({ ...DEVELOPMENT, SOTTO_TOKEN_KEY: key });
    expect(problems[0]).toContain("PUBLIC key");
    expect(problems[0]).not.toContain("MC4CAQ");
    const shared = problemsOf({ ...DEVELOPMENT, SOTTO_TOKEN_KEY: '{"kty":"oct","k":"c2VjcmV0"}' });
    expect(shared[0]).not.toContain("c2VjcmV0");
  });
});
