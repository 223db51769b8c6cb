import { SottoError } from "@sotto/protocol";

/** The code of the SottoError that `work` throws, if any; any other exception fails the test. */
export function refusal(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof SottoError) return error.code;
    throw error;
  }
}
