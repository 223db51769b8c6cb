/** Grants of the host: fetched through the app's hook when a first contact needs one, shown once, never stored. */

import { type AccountId, type Frame, limits, SottoError } from "@sotto/protocol";
import type { AbortSignalLike } from "../ports.js";

/** The app's hook: a grant of its host for writing to `to`, on one of the grounds in `need`, or on any if it is empty. */
export type GrantHook = (request: {
  /** `userId` is the host's name for the user, where it is known. */
  readonly to: { readonly accountId: AccountId; readonly userId: string | undefined };
  readonly need: readonly string[];
  readonly signal: AbortSignalLike | undefined;
}) => Promise<string | undefined>;

/** Somebody takes no first message on the grounds there are; `need` lists those it takes. */
export class PolicyDeniedError extends SottoError {
  constructor(
    readonly need: readonly string[],
    cause?: unknown,
  ) {
    super("policyDenied", cause === undefined ? {} : { cause });
  }
}

/** Grants held at once; the oldest is let go beyond that, and asked for anew. */
const MAX_HELD = 256;

/** What grants work with. */
export interface GrantParts {
  readonly hook: GrantHook | undefined;
  readonly signal: AbortSignalLike | undefined;
  /** The host's name of an account, if it is known. */
  userIdOf(account: AccountId): Promise<string | undefined>;
}

/** What the relay says of somebody's policy. */
export type Resolved = Pick<Frame<"resolved">, "account" | "firstContact" | "bases">;

interface Held {
  readonly grant: string | undefined;
  readonly need: readonly string[];
  readonly refusals: number;
}

/** Holds the grants for first contacts that were not made yet. */
export class Grants {
  private readonly held = new Map<AccountId, Held>();

  constructor(private readonly parts: GrantParts) {}

  /**
   * Makes sure that somebody may be written to.
   *
   * @throws PolicyDeniedError (`policyDenied`) if its policy asks for what is not there.
   */
  async meet(userId: string, { account, firstContact, bases }: Resolved): Promise<void> {
    if (firstContact === "everyone") return;
    if (firstContact !== "grant") throw new PolicyDeniedError(["contact"]);
    if (this.held.get(account)?.grant !== undefined) return;
    const grant = await this.ask({ accountId: account, userId }, bases);
    if (grant === undefined) throw new PolicyDeniedError(bases);
    this.hold(account, { grant, need: bases, refusals: 0 });
  }

  /** The grant to show with a first contact, if there is one or the hook gives one. Never rejects. */
  async of(account: AccountId): Promise<string | undefined> {
    const held = this.held.get(account);
    if (held?.grant !== undefined) return held.grant;
    if (held === undefined || held.refusals === 0) return undefined;
    const to = { accountId: account, userId: await this.parts.userIdOf(account) };
    const grant = await this.ask(to, held.need).catch(() => undefined);
    this.hold(account, { ...held, grant });
    return grant;
  }

  /**
   * The relay refused what was shown: expired, spent, or none where one is needed. True if another one may be there, so
   * that the send is worth one more try.
   */
  async refused(account: AccountId): Promise<boolean> {
    const held = this.held.get(account) ?? { grant: undefined, need: [], refusals: 0 };
    this.hold(account, { ...held, grant: undefined, refusals: held.refusals + 1 });
    if (this.parts.hook === undefined || held.refusals > 0) return false;
    return (await this.of(account)) !== undefined;
  }

  /** The first contact was made: its grant is spent. */
  spent(account: AccountId): void {
    this.held.delete(account);
  }

  private async ask(to: Parameters<GrantHook>[0]["to"], need: readonly string[]): Promise<string | undefined> {
    const { hook, signal } = this.parts;
    if (hook === undefined) return undefined;
    let grant: string | undefined;
    try {
      grant = await hook({ to, need, signal });
    } catch (cause) {
      throw new PolicyDeniedError(need, cause);
    }
    const isGrant = typeof grant === "string" && grant.length > 0 && grant.length <= limits.grantBytes.value;
    return isGrant ? grant : undefined;
  }

  private hold(account: AccountId, held: Held): void {
    this.held.delete(account);
    this.held.set(account, held);
    const [oldest] = this.held.keys();
    if (this.held.size > MAX_HELD && oldest !== undefined) this.held.delete(oldest);
  }
}
