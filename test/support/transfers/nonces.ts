/** Whether one nonce ever bore two plaintexts under one key: AES-GCM bears one only. */

/** Remembers the tag of every sealed chunk that left: another tag is another plaintext, and so the end of secrecy. */
export class Nonces {
  private readonly seen = new Map<string, Map<number, string>>();
  /** Chunks that left, and those among them that left more than once. */
  left = 0;
  repeated = 0;

  /** Takes sealed chunks of one upload, which has one key; answers those that were sealed of something else before. */
  take(upload: string, tags: readonly (readonly [number, string])[]): readonly string[] {
    const misused: string[] = [];
    const known = this.seen.get(upload) ?? new Map<number, string>();
    this.seen.set(upload, known);
    for (const [chunk, tag] of tags) {
      this.left += 1;
      const before = known.get(chunk);
      if (before !== undefined) this.repeated += 1;
      if (before !== undefined && before !== tag) misused.push(`chunk ${chunk} of upload ${upload}`);
      known.set(chunk, tag);
    }
    return misused;
  }
}
