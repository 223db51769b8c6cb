import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolders } from "../temporary-folder.js";
import { run } from "./sotto-relay.js";

const newFolder = temporaryFolders();
const DEVELOPMENT = { SOTTO_DEVELOPMENT: "true" };
const FINGERPRINT = /sha256:[0-9a-f]{64}/;

describe("sotto-relay keys", () => {
  it("leads from an offline, wrapped root to an installed certificate under it", async () => {
    const [relay, away] = [newFolder(), newFolder()];
    const file = (name: string) => join(away, name);
    const input = "correct horse battery\n";
    const root = await run(["keys", "root", "--wrap", file("root")], { cwd: away, input });
    expect(root).toMatchObject({ code: 0, errors: "" });
    const fingerprint = FINGERPRINT.exec(root.out)?.[0];
    expect(fingerprint).toBeDefined();

    const onRelay = { cwd: relay, env: DEVELOPMENT };
    expect((await run(["keys", "request", file("request")], onRelay)).code).toBe(0);
    const wrong = await run(["keys", "certify", file("root"), file("request"), file("certificate")], {
      cwd: away,
      input: "wrong\n",
    });
    expect(wrong).toMatchObject({ code: 1, out: "" });
    expect(existsSync(file("certificate"))).toBe(false);
    const certified = await run(["keys", "certify", file("root"), file("request"), file("certificate")], {
      cwd: away,
      input,
    });
    expect(certified.code).toBe(0);
    expect((await run(["keys", "install", file("certificate")], onRelay)).code).toBe(0);

    const shown = await run(["keys", "show"], onRelay);
    expect(FINGERPRINT.exec(shown.out)?.[0]).toBe(fingerprint);
    expect(shown.out).toContain("operator");
  });

  it("create makes root and keys at once, and does not make them twice", async () => {
    const cwd = newFolder();
    const root = join(cwd, "root");
    // Without the settings a running relay needs: keys come first.
    const options = { cwd };
    expect((await run(["keys", "create", root], options)).code).toBe(0);
    const before = readFileSync(root, "utf8");
    const again = await run(["keys", "create", join(cwd, "other")], options);
    expect(again.code).toBe(1);
    expect(again.errors).toMatch(/^sotto-relay: There are keys in [^\n]*\n$/);
    expect(readFileSync(root, "utf8")).toBe(before);
    expect(existsSync(join(cwd, "other"))).toBe(false);
  });

  it("show says where there are none", async () => {
    const cwd = newFolder();
    expect(await run(["keys", "show"], { cwd, env: DEVELOPMENT })).toMatchObject({ code: 1, out: "" });
  });
});

describe("sotto-relay", () => {
  it("refuses an unknown setting in one plain sentence without a stack", async () => {
    const done = await run(["serve"], { cwd: newFolder(), env: { ...DEVELOPMENT, SOTTO_PROT: "80" } });
    expect(done).toEqual({
      code: 2,
      out: "",
      errors: "sotto-relay: SOTTO_PROT is no setting; did you mean SOTTO_PORT?\n",
    });
  });

  it("reports every problem at once", async () => {
    const env = { SOTTO_PORT: "x", SOTTO_DEVICE_LIMIT: "99", SOTTO_METRICS_TOKEN: "too short" };
    const done = await run(["serve"], { cwd: newFolder(), env });
    expect(done.code).toBe(2);
    expect(done.errors.match(/^ {2}- /gm)).toHaveLength(3);
    expect(done.errors).not.toContain("too short");
    expect(done.errors).not.toMatch(/^\s+at /m);
  });

  it("refuses an unknown command and suggests the right one", async () => {
    const done = await run(["severe"], { cwd: newFolder() });
    expect(done.code).toBe(2);
    expect(done.errors).toContain("serve");
  });

  it("prints its settings with secrets masked", async () => {
    const env = { ...DEVELOPMENT, SOTTO_METRICS_TOKEN: "a-secret-of-the-operator" };
    const done = await run(["settings"], { cwd: newFolder(), env });
    expect(done.code).toBe(0);
    expect(done.out).toContain("SOTTO_DEVELOPMENT=true");
    expect(done.out).not.toContain("a-secret-of-the-operator");
  });

  it("serve without keys says how to make them, and leaves none behind", async () => {
    const cwd = newFolder();
    const key =
      "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\\n-----END PUBLIC KEY-----";
    const env = { SOTTO_TOKEN_KEY: key, SOTTO_TOKEN_ISSUER: "host", SOTTO_TOKEN_AUDIENCE: "relay" };
    const done = await run(["serve"], { cwd, env });
    expect(done.code).toBe(1);
    expect(done.errors).toContain("sotto-relay keys create");
    expect(done.errors).not.toMatch(/^\s+at /m);
    expect(existsSync(join(cwd, "data", "keys"))).toBe(false);
  });
});
