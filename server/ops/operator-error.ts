/**
 * What an operator did or must do, in one plain sentence. Not a `SottoError`: those are for programs that branch on a
 * code, this is for a person at a terminal, and it never travels.
 */

/** `2` = the command or a setting is wrong; `1` = it is right, but cannot be done as things stand. */
export type OperatorExitCode = 1 | 2;

/** A mistake or obstacle the operator can remove. The command line prints the message without a stack and exits. */
export class OperatorError extends Error {
  override readonly name = "OperatorError";

  constructor(
    message: string,
    readonly exitCode: OperatorExitCode = 1,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The code of a system error such as `EADDRINUSE`, or `undefined` for anything else. */
export function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
