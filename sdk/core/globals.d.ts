/** The one global of the core besides the language: present in Node, browsers and workers alike. */
declare function queueMicrotask(work: () => void): void;
