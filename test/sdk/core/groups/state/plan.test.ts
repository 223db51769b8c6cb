import { expect, test } from "vitest";
import { planChange } from "../../../../../sdk/core/groups/state/plan.js";
import { refusal } from "../../../../protocol/refusal.js";
import { acceptanceOf, invitationOf, Log } from "./log.js";
import { type Person, unsafePerson } from "./people.js";

const [ann, bob, cid, dee] = ["ann", "bob", "cid", "dee"].map(unsafePerson) as [Person, Person, Person, Person];

function group(): Log {
  const log = new Log(ann, { maxAccounts: 4 });
  log.join(bob, ann);
  log.join(cid, ann);
  log.change(ann, { kind: "role", account: bob.account, role: "admin" });
  return log;
}

test("a removal asks for a secret for everybody who stays, admins' for admins, in the order of account ids", () => {
  const log = group();
  log.change(bob, invitationOf(dee));
  const plan = planChange(log.state, ann.account, { kind: "remove", accounts: [cid.account, cid.account] });
  if (plan.needs !== "rotation") throw new Error("a removal begins an epoch");
  const expected = [
    { account: ann.account, wrapKey: ann.wrapKey, secret: "admin" },
    { account: bob.account, wrapKey: bob.wrapKey, secret: "admin" },
    { account: dee.account, wrapKey: invitationOf(dee).wrapKey, secret: "group" },
  ].sort((one, other) => (one.account < other.account ? -1 : 1));
  expect(plan.stays).toEqual(expected);
});

test("a demotion leaves the demoted without the admins' secret", () => {
  const { state } = group();
  const plan = planChange(state, ann.account, { kind: "role", account: bob.account, role: "member" });
  if (plan.needs !== "rotation") throw new Error("a demotion begins an epoch");
  expect(Object.fromEntries(plan.stays.map(({ account, secret }) => [account, secret]))).toEqual({
    [ann.account]: "admin",
    [bob.account]: "group",
    [cid.account]: "group",
  });
});

test("a promotion, and a last owner's leave among members, ask for the admins' secret for one", () => {
  const { state } = group();
  const promotion = planChange(state, ann.account, { kind: "role", account: cid.account, role: "admin" });
  expect(promotion).toMatchObject({ needs: "handover", to: { account: cid.account, wrapKey: cid.wrapKey } });
  expect(planChange(state, ann.account, { kind: "leave" })).toMatchObject({ needs: "nothing" });
  const small = new Log(ann);
  small.join(bob, ann);
  const leave = planChange(small.state, ann.account, { kind: "leave" });
  expect(leave).toMatchObject({ needs: "handover", to: { account: bob.account, secret: "admin" } });
});

test("what may not be done is refused with the failure of who wants it", () => {
  const log = group();
  const { state } = log;
  const code = (by: Person, intent: Parameters<typeof planChange>[2]) =>
    refusal(() => planChange(state, by.account, intent));
  expect(code(cid, { kind: "remove", accounts: [bob.account] })).toBe("groupDenied");
  expect(code(cid, { kind: "rotate" })).toBe("groupDenied");
  expect(code(dee, { kind: "leave" })).toBe("groupLeft");
  expect(code(dee, { kind: "update", title: "x" })).toBe("groupLeft");
  expect(code(dee, acceptanceOf(dee))).toBe("invitationGone");
  expect(code(ann, invitationOf(bob))).toBe("invalidArgument");
  expect(code(ann, { kind: "remove", accounts: [] })).toBe("invalidArgument");
  log.change(ann, invitationOf(dee));
  expect(refusal(() => planChange(log.state, ann.account, invitationOf(unsafePerson("eve"))))).toBe("groupFull");
});
