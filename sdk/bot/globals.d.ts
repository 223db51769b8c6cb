/** What every platform has besides the language (WinterTC Minimum Common API). Declared here so that neither Node nor DOM types are needed. */
declare function setTimeout(work: () => void, delayMs: number): unknown;
declare function clearTimeout(timer: unknown): void;
