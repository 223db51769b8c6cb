/** A bounded map that forgets what was not used for long. */

/**
 * Remembers at least the last `weight / 2` worth of values used and never more than `weight`: two generations, of which
 * the older is dropped whole when the younger is full. A look-up costs one or two map reads and no reordering.
 */
export class Recent<K, V> {
  private young = new Map<K, V>();
  private old = new Map<K, V>();
  private youngWeight = 0;

  constructor(
    private readonly weight: number,
    private readonly weigh: (value: V) => number,
  ) {}

  /** The value of a key, if it is still remembered. */
  get(key: K): V | undefined {
    const young = this.young.get(key);
    if (young !== undefined) return young;
    const old = this.old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Remembers a value. */
  set(key: K, value: V): void {
    const former = this.young.get(key);
    if (former !== undefined) this.youngWeight -= this.weigh(former);
    this.old.delete(key);
    this.young.set(key, value);
    this.youngWeight += this.weigh(value);
    if (this.youngWeight * 2 < this.weight) return;
    this.old = this.young;
    this.young = new Map();
    this.youngWeight = 0;
  }

  /** Forgets a key. */
  delete(key: K): void {
    const former = this.young.get(key);
    if (former !== undefined) this.youngWeight -= this.weigh(former);
    this.young.delete(key);
    this.old.delete(key);
  }
}
