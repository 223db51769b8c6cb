/** What a store keeps in memory of rows in use. */

/** A loaded thing that may be forgotten while it is idle. */
export interface Resident {
  /** Set by whoever uses it; spared once by the next search for something to forget. */
  used: boolean;
  /** True if everything about it is on disk and nobody waits for it. */
  readonly idle: boolean;
}

/** Residents looked at for one too many; half of them may have been used since. */
const LOOKS = 8;

/** A bounded map of residents. Only idle ones are forgotten, so it may exceed its capacity by those in flight. */
export class Residents<Key extends string, Value extends Resident> {
  readonly #capacity: number;
  readonly #load: (key: Key) => Value;
  readonly #values = new Map<Key, Value>();
  #isForgetting = false;

  constructor(capacity: number, load: (key: Key) => Value) {
    this.#capacity = capacity;
    this.#load = load;
  }

  /** The resident of a key, loaded if need be. */
  take(key: Key): Value {
    const known = this.#values.get(key);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    const value = this.#load(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#capacity && !this.#isForgetting) {
      this.#isForgetting = true;
      // Later: what this turn of the event loop has taken is in use, and only then known not to be idle.
      queueMicrotask(() => this.#forgetSome());
    }
    return value;
  }

  /** Forgets a resident if it is still the one given. */
  forget(key: Key, value: Value): void {
    if (this.#values.get(key) === value) this.#values.delete(key);
  }

  /** Second chance: the oldest goes, unless it was used since it was last looked at. Looks at a bounded number. */
  #forgetSome(): void {
    this.#isForgetting = false;
    let looks = LOOKS + 2 * (this.#values.size - this.#capacity);
    for (const [key, value] of this.#values) {
      if (this.#values.size <= this.#capacity || looks === 0) return;
      looks -= 1;
      this.#values.delete(key);
      if (value.used || !value.idle) {
        value.used = false;
        this.#values.set(key, value);
      }
    }
  }
}
