import { decodeGroupEntry, encodeGroupState } from "@sotto/protocol";
import { expect, test } from "vitest";
import { applyEntry, beginGroup } from "../../../../../sdk/core/groups/state/apply.js";
import { acceptanceOf, createBytes, entryBytes, GROUP, invitationOf, Log, readEntry, replay } from "./log.js";
import { named, type Person, realPerson, realVerify } from "./people.js";

const [ann, bob, eve] = ["ann", "bob", "eve"].map(realPerson) as [Person, Person, Person];

test("entries count by the XEdDSA signature of the identity key that the log names, and by no other", () => {
  const log = new Log(ann, {}, realVerify);
  log.change(ann, invitationOf(bob));
  const previous = log.state.head;
  const accept = acceptanceOf(bob);
  // Eve answers in Bob's name; Ann invited him under a key that Eve does not hold.
  const forged = log.append(entryBytes(accept, eve, { previous, author: bob.account }));
  expect(forged).toMatchObject({ kind: "ignored", reason: "badSignature" });
  const honest = log.append(entryBytes(accept, bob, { previous }));
  expect(honest).toMatchObject({ kind: "applied" });
  const again = replay(log.entries, realVerify);
  expect(Buffer.compare(encodeGroupState(again), encodeGroupState(log.state))).toBe(0);
});

test("any bit changed in an entry makes it void, whatever it is in", () => {
  const log = new Log(ann, {}, realVerify);
  const bytes = entryBytes(invitationOf(bob), ann, { previous: log.state.head });
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    const outcome = applyEntry(log.state, { seq: 2, entry: readEntry(changed) }, realVerify);
    expect(outcome.kind, `byte ${at}`).toBe("ignored");
    expect(outcome.state).toEqual({ ...log.state, seq: 2 });
  }
  expect(log.append(bytes).kind).toBe("applied");
});

test("a log begins with an entry that its creator signed, of this group, behind nothing", () => {
  const begun = (bytes: Uint8Array) => beginGroup(GROUP, readEntry(bytes), realVerify);
  const invitation = entryBytes(invitationOf(bob), ann, { previous: new Uint8Array(32) });
  const refused = [
    [createBytes(eve, { identityKey: ann.identityKey }), "badSignature"],
    [createBytes(ann, {}, named("behind something")), "notNext"],
    [invitation, "notNext"],
    [createBytes(ann, { wrapKey: new Uint8Array(33) }), "invalidArgument"],
    [createBytes(ann).subarray(1), "unreadable"],
  ] as const;
  for (const [bytes, reason] of refused) expect(begun(bytes)).toEqual({ kind: "refused", reason });
  const elsewhere = decodeGroupEntry(createBytes(ann));
  expect(beginGroup("00".repeat(16) as typeof GROUP, elsewhere, realVerify)).toEqual({
    kind: "refused",
    reason: "otherGroup",
  });
  expect(begun(createBytes(ann)).kind).toBe("begun");
});

test("a state keeps no views of the entries it was made of", () => {
  const log = new Log(ann, { avatar: Uint8Array.of(1, 2, 3) }, realVerify);
  log.join(bob, ann);
  const before = Buffer.from(encodeGroupState(log.state)).toString("hex");
  for (const bytes of log.entries) bytes.fill(0xee);
  expect(Buffer.from(encodeGroupState(log.state)).toString("hex")).toBe(before);
});
