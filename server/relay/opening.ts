/** What a relay must have read from its store before anybody is greeted. */

/** Runs the reading once; where it failed, again for who asks next. */
export class Opening {
  private running: Promise<void> | undefined;

  constructor(private readonly read: () => Promise<void>) {}

  /** Resolves when everything was read. Rejects as the reading does. */
  done(): Promise<void> {
    this.running ??= this.read().catch((cause: unknown) => {
      this.running = undefined;
      throw cause;
    });
    return this.running;
  }
}
