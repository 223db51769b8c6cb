import { rootFingerprint } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { RootPin } from "../../../../sdk/core/trust/root-pin.js";
import { challenge } from "../link/fixture.js";

const one = Uint8Array.of(5, ...new Uint8Array(32).fill(1));
const other = Uint8Array.of(5, ...new Uint8Array(32).fill(2));
const shown = (root: Uint8Array, development: "off" | "on" = "off") => ({ ...challenge, root, development });

function pin(pinned: string | undefined, known?: Uint8Array) {
  const warnings: string[] = [];
  return { warnings, pin: new RootPin(pinned, known, (_level, event) => warnings.push(event)) };
}

describe("the relay's root", () => {
  it("is the pinned one or refused, whatever was known before", () => {
    const { pin: made } = pin(rootFingerprint(one), other);
    expect(() => made.check(shown(other))).toThrow(/wrongRoot/);
    made.check(shown(one));
    expect(made.roots()).toEqual([one]);
  });

  it("is never changed silently without a pin", () => {
    const { pin: made } = pin(undefined, one);
    expect(() => made.check(shown(other, "on"))).toThrow(/wrongRoot/);
    made.check(shown(one));
    expect(made.root).toEqual(one);
  });

  it("is trusted on first use in development mode only, with a warning", () => {
    const production = pin(undefined);
    expect(() => production.pin.check(shown(one))).toThrow(/rootRequired/);
    expect(production.pin.roots()).toEqual([]);
    const development = pin(undefined);
    development.pin.check(shown(one, "on"));
    expect(development.warnings).toHaveLength(1);
    expect(() => development.pin.check(shown(other, "on"))).toThrow(/wrongRoot/);
  });

  it("is pinned as sha256 and 64 hex digits", () => {
    for (const bad of ["", "sha256:", "sha256:XYZ", rootFingerprint(one).toUpperCase(), `${rootFingerprint(one)}0`]) {
      expect(() => pin(bad)).toThrow(/invalidArgument/);
    }
  });
});
