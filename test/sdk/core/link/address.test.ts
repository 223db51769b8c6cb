import { describe, expect, it } from "vitest";
import { relayAddress } from "../../../../sdk/core/link/address.js";

describe("the address of a relay", () => {
  it.each([
    ["https://dm.example.com", "wss://dm.example.com/v1"],
    ["https://dm.example.com/", "wss://dm.example.com/v1"],
    ["wss://dm.example.com:444", "wss://dm.example.com:444/v1"],
    ["HTTPS://DM.example.com", "wss://DM.example.com/v1"],
    ["http://localhost:8787", "ws://localhost:8787/v1"],
    ["ws://127.0.0.1:1", "ws://127.0.0.1:1/v1"],
    ["http://[::1]:8787", "ws://[::1]:8787/v1"],
    ["http://app.localhost", "ws://app.localhost/v1"],
  ])("makes %s into %s", (given, made) => {
    expect(relayAddress(given)).toBe(made);
  });

  it.each([
    "",
    "dm.example.com",
    "ftp://dm.example.com",
    "https://",
    "https://user:secret@dm.example.com",
    "https://dm.example.com/path",
    "https://dm.example.com?x=1",
    "https://dm.example.com#x",
    "https://dm.example.com:0",
    "https://dm.example.com:65536",
    "https://dm.example.com:12x",
    "https://dm example.com",
    "https:\\\\dm.example.com",
  ])("refuses %j", (given) => {
    expect(() => relayAddress(given)).toThrow(expect.objectContaining({ code: "invalidArgument" }));
  });

  it.each([
    "http://dm.example.com",
    "ws://10.0.0.1:8787",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://1127.0.0.1",
    "http://[::2]",
  ])("refuses %s without TLS unless the app allows it", (given) => {
    expect(() => relayAddress(given)).toThrow(expect.objectContaining({ code: "invalidArgument" }));
    expect(relayAddress(given, "anywhere")).toMatch(/^ws:\/\/.+\/v1$/);
  });
});
