import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { peerAddress } from "../../../server/transport/peer-address.js";

describe("the peer's address", () => {
  it("is the socket's own, in one spelling", () => {
    expect(peerAddress("192.0.2.1", undefined)).toBe("192.0.2.1");
    expect(peerAddress("::ffff:192.0.2.1", undefined)).toBe("192.0.2.1");
    expect(peerAddress("0000:0000:0000:0000:0000:ffff:c000:0201", undefined)).toBe("192.0.2.1");
    expect(peerAddress("0000:0000:0000:0000:0000:0000:0000:0001", undefined)).toBe("::1");
    expect(peerAddress("2001:0DB8:0:0::1", undefined)).toBe("2001:db8::1");
    expect(peerAddress("", undefined)).toBe("");
  });

  it("is the last forwarded entry, whatever stands before it", () => {
    fc.assert(
      fc.property(fc.string(), fc.ipV4(), (claim, added) => {
        expect(peerAddress("127.0.0.1", `${claim}, ${added}`)).toBe(added);
      }),
    );
  });

  it("is the socket's own where the last entry is no address", () => {
    for (const entry of ["", "unknown", "192.0.2.1,", "192.0.2.1:4711", "[2001:db8::1]", "_hidden"]) {
      expect(peerAddress("127.0.0.1", entry)).toBe("127.0.0.1");
    }
  });
});
