import { SottoError } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLog } from "../../../server/ops/log.js";
import { StoreError } from "../../../server/ports.js";

const ACCOUNT = "9d0652a3-dcc3-4d11-975f-74d61598733f";

function written(format: "json" | "text", level: "info" | "warn" | "error" | "silent" = "info") {
  const lines: string[] = [];
  return { lines, log: createLog({ level, format, write: (line) => void lines.push(line) }) };
}

describe.each(["json", "text"] as const)("a log of %s lines", (format) => {
  it("writes one line an event, with its level and fields", () => {
    const { log, lines } = written(format);
    log.warn("listening", { port: 8787, transport: "uws" });
    expect(lines).toHaveLength(1);
    for (const part of ["warn", "listening", "8787", "uws"]) expect(lines[0]).toContain(part);
    expect(lines[0]?.endsWith("\n")).toBe(true);
  });

  it("leaves out what is below its level", () => {
    const { log, lines } = written(format, "error");
    log.info("a");
    log.warn("b");
    expect(lines).toEqual([]);
    log.error("c", new TypeError("x"));
    expect(lines).toHaveLength(1);
    const silent = written(format, "silent");
    silent.log.error("d", new TypeError("x"));
    expect(silent.lines).toEqual([]);
  });

  it("drops fields that are not on its list and says which, without their values", () => {
    const { log, lines } = written(format);
    log.info("sent", { account: "alice", userId: "bob", count: 2 });
    expect(lines[0]).toContain("account,userId");
    expect(lines[0]).not.toMatch(/alice|bob/);
  });

  it("never shows an account id, whatever field or error it comes in", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string(), fc.constantFrom("reason", "code", "account", "url"), (id, text, field) => {
        const { log, lines } = written(format);
        log.info("event", { [field]: `${text}${id}${text}` });
        log.error("failed", new SottoError("internal", { detail: `about ${id}`, cause: new Error(id) }));
        log.error("failed", new Error(`no session for ${id}`));
        log.error("failed", id);
        expect(lines.join("")).not.toContain(id);
      }),
    );
  });

  it("keeps the message of our own and the language's errors, and the stack of every error", () => {
    const { log, lines } = written(format);
    log.error("failed", new StoreError("fatal", "the disk is full"));
    log.error("failed", new TypeError("x is not a function"));
    expect(lines[0]).toContain("the disk is full");
    expect(lines[1]).toContain("x is not a function");
    expect(lines[1]).toContain("log.test");
  });

  it("leaves out the message and name of anybody else's error, which may quote its input", () => {
    const { log, lines } = written(format);
    const leaky = Object.assign(new Error("no session for alice"), { name: "alice" });
    log.error("failed", leaky);
    let syntax: unknown;
    try {
      JSON.parse("{alice");
    } catch (cause) {
      syntax = cause;
    }
    log.error("failed", syntax);
    log.error("failed", new SottoError("internal", { cause: leaky }));
    expect(lines.join("")).not.toContain("alice");
  });

  it("shows the root's fingerprint whole, since it is there to be copied", () => {
    const { log, lines } = written(format);
    const fingerprint = `sha256:${"ab".repeat(32)}`;
    log.info("listening", { fingerprint });
    expect(lines[0]).toContain(fingerprint);
    log.info("listening", { reason: fingerprint });
    expect(lines[1]).not.toContain(fingerprint);
  });
});

describe("a log of text lines", () => {
  it("puts nothing of a caller on a line of its own", () => {
    const { log, lines } = written("text");
    log.info("event", { reason: `one\ntwo ${ACCOUNT}` });
    expect(lines.join("").split("\n")).toHaveLength(2);
  });
});
