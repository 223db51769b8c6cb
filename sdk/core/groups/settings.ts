/** A group's settings, as an app reads and changes them, and as entries of its log name them. */

import { type GroupEntryBody, type GroupState, limits, SottoError } from "@sotto/protocol";
import { durationOf } from "../disappearing/timer-setting.js";
import { utf8Length } from "../utf8-length.js";

/** Who may do something. */
export type Whoever = "members" | "admins";

/** A group's settings. Everybody in it sees the same; the relay sees none of them. */
export interface GroupSettings {
  readonly title: string;
  /** A small picture, as the bytes of a file of at most 16 KiB. */
  readonly avatar: Uint8Array | undefined;
  /** Who may invite. */
  readonly whoInvites: Whoever;
  /** Who may write; `admins` makes it an announcement group. */
  readonly whoWrites: Whoever;
  /** Who may change title, avatar and timer. */
  readonly whoEdits: Whoever;
  /** `on`: whom a member invited has to be let in by an admin. */
  readonly approval: "off" | "on";
  /** How long messages may be kept after they were read; `undefined` = for ever. */
  readonly timerMs: number | undefined;
}

/** A change of settings: what is left out stays; `undefined` takes avatar or timer away. */
export type SettingsChange = { readonly [Name in keyof GroupSettings]?: GroupSettings[Name] };

/** The settings of a state. */
export function settingsOf({ title, avatar, invite, write, edit, approval, timerMs }: GroupState): GroupSettings {
  return {
    title,
    avatar: avatar.length === 0 ? undefined : avatar,
    whoInvites: invite,
    whoWrites: write,
    whoEdits: edit,
    approval,
    timerMs: timerMs === 0 ? undefined : Math.min(timerMs, limits.timerMs.value),
  };
}

/**
 * A change in the words of the log.
 *
 * @throws invalidArgument for a title that is no text or a timer that is no time; tooLarge for too long a title or avatar.
 */
export function settingsEntry(change: SettingsChange): GroupEntryBody<"update"> {
  const { title, avatar, whoInvites, whoWrites, whoEdits, approval, timerMs } = change;
  if (title !== undefined) assertTitle(title);
  if (avatar !== undefined) assertAvatar(avatar);
  return {
    title,
    avatar: "avatar" in change ? (avatar ?? new Uint8Array(0)) : undefined,
    invite: whoInvites,
    write: whoWrites,
    edit: whoEdits,
    approval,
    timerMs: "timerMs" in change ? durationOf(timerMs) : undefined,
  };
}

function assertAvatar(avatar: Uint8Array): void {
  if (!(avatar instanceof Uint8Array)) throw new SottoError("invalidArgument", { detail: "an avatar is bytes" });
  if (avatar.length > limits.groupAvatarBytes.value) {
    throw new SottoError("tooLarge", { detail: `an avatar has at most ${limits.groupAvatarBytes.value} bytes` });
  }
}

function assertTitle(title: string): void {
  if (typeof title !== "string" || !title.isWellFormed()) {
    throw new SottoError("invalidArgument", { detail: "a title is text without lone surrogates" });
  }
  if (utf8Length(title) > limits.groupTitleBytes.value) {
    throw new SottoError("tooLarge", { detail: `a title has at most ${limits.groupTitleBytes.value} bytes` });
  }
}
