import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BadValue,
  bool,
  bytes,
  choice,
  decimal,
  duration,
  host,
  httpsUrl,
  integer,
  type Kind,
  line,
  list,
  origin,
  path,
  port,
  publicKey,
  secret,
} from "../../../server/ops/setting-kinds.js";

const read = <T>(kind: Kind<T>, text: string) => kind.parse(text, "/base");

interface Case {
  readonly name: string;
  readonly kind: Kind<unknown>;
  readonly good: readonly (readonly [string, unknown])[];
  readonly bad: readonly string[];
}

const PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----";

const cases: readonly Case[] = [
  {
    name: "port",
    kind: port,
    good: [
      ["0", 0],
      ["8787", 8787],
      ["65535", 65_535],
    ],
    bad: ["65536", "-1", "80.5", "http", "0x50", " 80"],
  },
  {
    name: "integer",
    kind: integer({ min: 1, max: 16 }),
    good: [
      ["1", 1],
      ["16", 16],
    ],
    bad: ["0", "17", "1e1", "six"],
  },
  {
    name: "decimal",
    kind: decimal({ min: 0.01, max: 100 }),
    good: [
      ["0.5", 0.5],
      ["100", 100],
    ],
    bad: ["0", "101", "1e2", "NaN", "Infinity", "-1"],
  },
  {
    name: "duration",
    kind: duration({ min: 1, max: 365 * 86_400_000 }),
    good: [
      ["25ms", 25],
      ["90s", 90_000],
      ["10m", 600_000],
      ["24h", 86_400_000],
      ["30d", 2_592_000_000],
    ],
    bad: ["30", "0ms", "366d", "1w", "-1s", "1.5h", "d"],
  },
  {
    name: "bytes",
    kind: bytes({ min: 1, max: 16 * 1024 ** 3 }),
    good: [
      ["512", 512],
      ["64KiB", 65_536],
      ["16MiB", 16_777_216],
      ["1GiB", 1_073_741_824],
    ],
    bad: ["0", "17GiB", "16MB", "16mib", "lots"],
  },
  {
    name: "bool",
    kind: bool,
    good: [
      ["true", true],
      ["false", false],
    ],
    bad: ["1", "yes", "TRUE", "on"],
  },
  { name: "choice", kind: choice("auto", "uws"), good: [["uws", "uws"]], bad: ["UWS", "ws", "toString"] },
  { name: "line", kind: line(5), good: [["abcde", "abcde"]], bad: ["abcdef", "a\nb", ""] },
  {
    name: "path",
    kind: path,
    good: [
      ["data", "/base/data"],
      ["/var/lib/sotto", "/var/lib/sotto"],
    ],
    bad: ["a\0b"],
  },
  {
    name: "host",
    kind: host,
    good: [
      ["0.0.0.0", "0.0.0.0"],
      ["::1", "::1"],
      ["relay.example", "relay.example"],
    ],
    bad: ["http://a", "a:80", "a b"],
  },
  {
    name: "httpsUrl",
    kind: httpsUrl,
    good: [
      ["https://id.example/jwks", "https://id.example/jwks"],
      ["http://127.0.0.1:9/jwks", "http://127.0.0.1:9/jwks"],
    ],
    bad: ["http://id.example/jwks", "https://me:pw@id.example/", "file:///etc/passwd", "jwks"],
  },
  {
    name: "list",
    kind: list(port, 2),
    good: [
      ["", []],
      ["1, 2", [1, 2]],
    ],
    bad: ["1,2,3", "1,x"],
  },
  {
    name: "origin",
    kind: origin,
    good: [
      ["*", "*"],
      ["https://app.example", "https://app.example"],
    ],
    bad: ["https://app.example/", "app.example", "ftp://a"],
  },
  {
    name: "secret",
    kind: secret,
    good: [["0123456789abcdef", "0123456789abcdef"]],
    bad: ["short", "with space in the middle"],
  },
  {
    name: "publicKey",
    kind: publicKey,
    good: [
      [PEM, { text: PEM }],
      [PEM.replaceAll("\n", "\\n"), { text: PEM }],
      ["key.pem", { file: "/base/key.pem" }],
      ['{"kty":"OKP"}', { text: '{"kty":"OKP"}' }],
    ],
    bad: [
      "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
      '{"kty":"OKP","d":"x"}',
      '{"kty":"oct","k":"x"}',
    ],
  },
];

describe.each(cases)("a setting of kind $name", ({ kind, good, bad }) => {
  it.each(good)("reads %j", (text, value) => expect(read(kind, text)).toEqual(value));
  it.each(bad)("refuses %j and says what it must be", (text) => {
    expect(() => read(kind, text)).toThrow(BadValue);
  });
  it.each(good)("shows %j so that it reads back the same", (text, value) => {
    expect(read(kind, kind.show(read(kind, text)))).toEqual(value);
  });
});

describe("durations and sizes", () => {
  const anyDuration = duration({ min: 0, max: 10 ** 12 });
  const anySize = bytes({ min: 0, max: 10 ** 12 });

  it("show every value so that it reads back the same", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (value) => {
        expect(read(anyDuration, anyDuration.show(value))).toBe(value);
        expect(read(anySize, anySize.show(value))).toBe(value);
      }),
    );
  });

  it("never read anything out of range, whatever the text", () => {
    const kind = duration({ min: 1_000, max: 5_000 });
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const value = read(kind, text);
          expect(value).toBeGreaterThanOrEqual(1_000);
          expect(value).toBeLessThanOrEqual(5_000);
        } catch (cause) {
          expect(cause).toBeInstanceOf(BadValue);
        }
      }),
    );
  });
});
