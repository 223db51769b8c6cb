/** Work that nobody waits for: one piece of a kind at a time, once more if it was asked for meanwhile, and its failures told. */

/** Runs work in the background. */
export class Runner<Kind extends string> {
  readonly #running = new Map<Kind, Promise<void>>();
  readonly #again = new Set<Kind>();
  readonly #work: Readonly<Record<Kind, () => Promise<void>>>;
  readonly #failed: (kind: Kind, cause: unknown) => void;
  #closed: "open" | "closed" = "open";

  constructor(work: Readonly<Record<Kind, () => Promise<void>>>, failed: (kind: Kind, cause: unknown) => void) {
    this.#work = work;
    this.#failed = failed;
  }

  /** Starts work of a kind, or has it done once more behind what is running. */
  start(kind: Kind): void {
    if (this.#closed === "closed") return;
    if (this.#running.has(kind)) {
      this.#again.add(kind);
      return;
    }
    this.#running.set(kind, this.#run(kind));
  }

  /** Resolves when nothing runs. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Starts nothing more and waits for what runs. Idempotent. */
  async close(): Promise<void> {
    this.#closed = "closed";
    this.#again.clear();
    await this.settled();
  }

  async #run(kind: Kind): Promise<void> {
    do {
      this.#again.delete(kind);
      try {
        await this.#work[kind]();
      } catch (cause) {
        this.#failed(kind, cause);
      }
    } while (this.#again.has(kind));
    this.#running.delete(kind);
  }
}
