/** What an entry did to a group, in the words of timelines. */

import type { AccountId, GroupEntryBody, GroupRole } from "@sotto/protocol";

/** How an invitation ended without its account becoming a member. */
export type InvitationEnd =
  /** The account declined. */
  | "declined"
  /** The account accepted, and would not wait for an admin any longer. */
  | "withdrawn"
  /** It was taken back before it was answered. */
  | "takenBack"
  /** An admin did not let in who waited. */
  | "refused";

/** One thing that an entry did. `by` is its author, unless it says otherwise. */
export type GroupEffect =
  | { readonly kind: "created"; readonly by: AccountId }
  | { readonly kind: "invited"; readonly account: AccountId; readonly by: AccountId }
  /** The account accepted, and waits for an admin; `by` invited it. */
  | { readonly kind: "waiting"; readonly account: AccountId; readonly by: AccountId }
  /** The account is a member from here on; `by` invited it, or let it in. */
  | { readonly kind: "joined"; readonly account: AccountId; readonly by: AccountId }
  | {
      readonly kind: "invitationEnded";
      readonly account: AccountId;
      readonly how: InvitationEnd;
      readonly by: AccountId;
    }
  | { readonly kind: "left"; readonly account: AccountId }
  | { readonly kind: "removed"; readonly account: AccountId; readonly by: AccountId }
  | {
      readonly kind: "role";
      readonly account: AccountId;
      readonly from: GroupRole;
      readonly to: GroupRole;
      readonly by: AccountId;
    }
  /** The last owner, `after`, left, and this account owns the group. */
  | { readonly kind: "succession"; readonly account: AccountId; readonly from: GroupRole; readonly after: AccountId }
  /** `changed` holds what is different now. */
  | { readonly kind: "settings"; readonly changed: GroupEntryBody<"update">; readonly by: AccountId }
  /** The account's keys are others; devices encrypt to it as before. */
  | { readonly kind: "keys"; readonly account: AccountId }
  | { readonly kind: "epoch"; readonly epoch: number; readonly by: AccountId }
  | { readonly kind: "checkpoint"; readonly by: AccountId }
  /** The last member left; nothing can happen in this group any more. */
  | { readonly kind: "ended" };
