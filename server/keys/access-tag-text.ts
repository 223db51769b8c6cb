/** What is hashed for access tags, without making anything anew: a group send has one for every account. */

import { type AccountId, accessTagText, accountIdFromBytes } from "@sotto/protocol";

/** Bytes of the length before every field. */
const LENGTH_BYTES = 4;
const ID_BYTES = 16;
const HASH_BYTES = 32;
const DASH = 0x2d;
const NOBODY = accountIdFromBytes(new Uint8Array(ID_BYTES));

/** The protocol's `accessTagText` in a buffer that is used again. */
export class AccessTagText {
  private readonly text = accessTagText(new Uint8Array(ID_BYTES), NOBODY, new Uint8Array(HASH_BYTES));
  /** Every field stands behind its length, the last one at the end. */
  private readonly hashAt = this.text.length - HASH_BYTES;
  private readonly accountAt = this.hashAt - LENGTH_BYTES - ID_BYTES;
  private readonly messageIdAt = this.accountAt - LENGTH_BYTES - ID_BYTES;

  /** The text of one tag; good until the next call. */
  of(messageId: Uint8Array, account: AccountId, hash: Uint8Array): Uint8Array {
    const { text } = this;
    if (messageId.length !== ID_BYTES || hash.length !== HASH_BYTES) return accessTagText(messageId, account, hash);
    text.set(messageId, this.messageIdAt);
    text.set(hash, this.hashAt);
    let at = this.accountAt;
    for (let index = 0; index < account.length; index += 2) {
      if (account.charCodeAt(index) === DASH) index += 1;
      text[at++] = (digit(account.charCodeAt(index)) << 4) | digit(account.charCodeAt(index + 1));
    }
    return text;
  }
}

/** The value of a lower-case hex digit, of which account ids are made. */
function digit(code: number): number {
  return code <= 0x39 ? code - 0x30 : code - 0x57;
}
