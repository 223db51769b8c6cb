import { firstContactPolicies } from "@sotto/protocol";
import { expect, it } from "vitest";
import { policyUnder } from "../../../server/relay/policy.js";

it("the stricter of an account's policy and the community's floor counts", () => {
  for (const [floorAt, floor] of firstContactPolicies.entries()) {
    for (const [ownAt, own] of firstContactPolicies.entries()) {
      expect(policyUnder(floor, own)).toBe(firstContactPolicies[Math.max(floorAt, ownAt)]);
    }
  }
});
