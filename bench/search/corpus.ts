/** Words as people use them: a few all the time, most of them rarely. The same for every run. */

/** A vocabulary, texts of it, and what is looked for in them. */
export class Corpus {
  private readonly vocabulary: readonly string[];
  private state = 0x9e37_79b9;

  constructor(size: number) {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    this.vocabulary = Array.from({ length: size }, () =>
      Array.from({ length: 2 + this.below(9) }, () => letters[this.below(letters.length)]).join(""),
    );
  }

  /** One message. */
  text(): string {
    return Array.from({ length: 4 + this.below(16) }, () => this.word()).join(" ");
  }

  /** So many queries: words, pairs of words, and words with the beginning of another. */
  queries(count: number): readonly string[] {
    return Array.from({ length: count }, (_, at) => {
      if (at % 3 === 0) return this.word();
      return at % 3 === 1 ? `${this.word()} ${this.word()}` : `${this.word()} ${this.word().slice(0, 3)}`;
    });
  }

  /** The n-th word is about as frequent as 1 / n^(2/3): flatter than a language, so that more than stop words are common. */
  private word(): string {
    return this.vocabulary[Math.floor(this.vocabulary.length * (this.below(2 ** 24) / 2 ** 24) ** 3)] ?? "";
  }

  /** A number from 0 to below a bound, by xorshift. */
  private below(bound: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % bound;
  }
}
