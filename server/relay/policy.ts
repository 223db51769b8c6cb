/** Who may make first contact: what an account chose, under the community's floor. */

import { type FirstContactPolicy, firstContactPolicies } from "@sotto/protocol";

/** The policy that counts for an account: the stricter of its own choice and the community's floor. */
export function policyUnder(floor: FirstContactPolicy, own: FirstContactPolicy): FirstContactPolicy {
  return firstContactPolicies.indexOf(own) > firstContactPolicies.indexOf(floor) ? own : floor;
}
