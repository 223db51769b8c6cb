/** People who work at a desk under test, with their own keys. */

import { randomBytes } from "node:crypto";
import { sealKeysOf, type Team, teams } from "@sotto/protocol";
import type { CaseView, Moderator, ModeratorRole } from "../../../server/desk/api.js";
import { personKeyOf, signLogin } from "../../../server/desk/person-key.js";
import type { TestDesk } from "./desk-of.js";

/** Somebody who works here. */
export interface Worker {
  readonly me: Moderator;
  readonly secret: Uint8Array;
  signIn(): Promise<string>;
}

/** Invites somebody and has them join. */
export async function hire(
  test: TestDesk,
  role: ModeratorRole = "moderator",
  of: readonly Team[] = teams,
  name = `a ${role}`,
): Promise<Worker> {
  const { code } = await test.desk.inviteByOperator({ name, role, teams: of });
  const secret = new Uint8Array(randomBytes(32));
  const key = personKeyOf(secret);
  const me = await test.desk.redeem({
    code,
    signKey: Buffer.from(key.signKey).toString("base64"),
    box: Buffer.from(key.box.publicKey).toString("base64"),
    keeping: { kind: "file" },
  });
  return {
    ...{ me, secret },
    async signIn() {
      const { challenge } = await test.desk.beginLogin(me.id);
      const signature = Buffer.from(signLogin(secret, Buffer.from(challenge, "base64"))).toString("base64");
      return (await test.desk.finishLogin(me.id, challenge, signature)).token;
    },
  };
}

/** The one case that is in somebody's queue. */
export async function onlyCase(test: TestDesk, { me }: Worker): Promise<CaseView> {
  const [entry, ...more] = await test.desk.queue(me);
  if (entry === undefined || more.length > 0) throw new Error(`${more.length + (entry ? 1 : 0)} cases`);
  return test.desk.case(me, entry.id);
}

/** The public half of a new team key, as the API takes it. */
export function newKey(): string {
  return Buffer.from(sealKeysOf(new Uint8Array(randomBytes(32))).publicKey).toString("base64");
}

/** What stands for the private half, sealed: the desk cannot look into it. */
export const sealed = Buffer.from("sealed").toString("base64");

/** It, sealed to people. */
export function grantsTo(...workers: readonly Worker[]) {
  return workers.map(({ me }) => ({ moderator: me.id, sealed }));
}
