/** Settings in the words of an app, and in those of the log; and what they let this account say. */

import { encodeGroupEntry, type GroupEntryBody, limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { membership } from "../../../../sdk/core/groups/membership.js";
import { type SettingsChange, settingsEntry, settingsOf } from "../../../../sdk/core/groups/settings.js";
import { me, peer } from "../people.js";
import { group, snapshotOf } from "./sending/snapshots.js";

describe("settings", () => {
  it("are read as an app knows them: what is not set is undefined", () => {
    const { state } = snapshotOf(group, [], { title: "", avatar: new Uint8Array(0), timerMs: 0 });
    expect(settingsOf(state)).toMatchObject({ title: "", avatar: undefined, timerMs: undefined });
    const set = {
      title: "Team",
      avatar: Uint8Array.of(1),
      timerMs: 5,
      write: "admins",
      invite: "admins",
      edit: "admins",
    };
    expect(settingsOf({ ...state, ...set, approval: "on" } as typeof state)).toEqual({
      ...{ title: "Team", avatar: Uint8Array.of(1), timerMs: 5 },
      ...{ whoWrites: "admins", whoInvites: "admins", whoEdits: "admins", approval: "on" },
    });
  });

  it("that are left out stay, and those set to undefined go", () => {
    expect(settingsEntry({ whoWrites: "admins" })).toEqual({ write: "admins" } satisfies GroupEntryBody<"update">);
    expect(settingsEntry({ avatar: undefined, timerMs: undefined })).toEqual({ avatar: new Uint8Array(0), timerMs: 0 });
    expect(settingsEntry({ title: "" })).toEqual({ title: "" });
  });

  it.each<[string, unknown, string]>([
    ["a title that is no text", { title: 5 }, "invalidArgument"],
    ["a title with half a character", { title: "\ud800" }, "invalidArgument"],
    ["a title that is too long in bytes", { title: "é".repeat(limits.groupTitleBytes.value / 2 + 1) }, "tooLarge"],
    ["an avatar that is no bytes", { avatar: "me" }, "invalidArgument"],
    ["an avatar that is too large", { avatar: new Uint8Array(limits.groupAvatarBytes.value + 1) }, "tooLarge"],
    ["a timer that never ends", { timerMs: Number.POSITIVE_INFINITY }, "invalidArgument"],
    ["a timer of nothing", { timerMs: 0 }, "invalidArgument"],
    ["half a millisecond", { timerMs: 1.5 }, "invalidArgument"],
    ["a rule that there is not", { whoWrites: "nobody" }, "invalidArgument"],
  ])("%s is refused", (_what, change, code) => {
    expect(() =>
      encodeGroupEntry(
        {
          ...{ group, previous: new Uint8Array(32), author: me, atMs: 1 },
          change: { kind: "update", ...settingsEntry(change as SettingsChange) },
        },
        () => new Uint8Array(64),
      ),
    ).toThrow(expect.objectContaining({ code }));
  });
});

describe("what this account may say", () => {
  const of = (status: "joined" | "waiting" | "invited" | "left" | "declined", over = {}) =>
    membership({ ...snapshotOf(group, [{ account: me }], { seq: 7, timerMs: 5, ...over }), status }, me);

  it("is anything as a member, with what it has read and how long messages are kept", () => {
    expect(of("joined")).toEqual({ kind: "member", mayWrite: "yes", revision: 7, timerMs: 5 });
  });

  it("is nothing while it waits, or where only admins write", () => {
    expect(of("waiting")).toMatchObject({ kind: "member", mayWrite: "no" });
    expect(of("joined", { write: "admins" })).toMatchObject({ mayWrite: "no" });
  });

  it.each(["invited", "left", "declined"] as const)("is none of its business as %s", (status) => {
    expect(of(status)).toEqual({ kind: "none" });
  });

  it("is none of its business in a group it does not know", () => {
    expect(membership(undefined, peer)).toEqual({ kind: "none" });
  });
});
