/** What a page says of itself: Open Graph, else its title and description. */

import { Parser } from "htmlparser2";

/** What a page says of itself. Everything is the page's word. */
export interface PageWords {
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** The address of a picture, as the page spells it. */
  readonly image: string | undefined;
}

/** Characters of one word of the page that are kept. */
const MAX_LENGTH = 4_096;

/** Reads the head of a page, or as much of it as there is. */
export function readPageWords(html: string): PageWords {
  const metas = new Map<string, string>();
  let title = "";
  let inTitle = false;
  const parser = new Parser({
    onopentag(name, { property, name: named, content }) {
      if (name === "title" && title === "") inTitle = true;
      // What stands behind its head a page's readers may have written.
      if (name === "body") parser.pause();
      const key = (property ?? named ?? "").toLowerCase();
      if (name === "meta" && content !== undefined && !metas.has(key)) metas.set(key, content.slice(0, MAX_LENGTH));
    },
    ontext(text) {
      if (inTitle && title.length < MAX_LENGTH) title += text;
    },
    onclosetag(name) {
      if (name === "title") inTitle = false;
    },
  });
  parser.write(html);
  const first = (...names: readonly string[]) => names.map((name) => plain(metas.get(name))).find(Boolean);
  return {
    title: first("og:title", "twitter:title") ?? plain(title),
    description: first("og:description", "twitter:description", "description"),
    image: first("og:image:secure_url", "og:image", "twitter:image"),
  };
}

/** One line without what is not seen: controls, and marks that turn the direction of what follows. */
function plain(text: string | undefined): string | undefined {
  const shown = text
    ?.toWellFormed()
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
  return shown === "" ? undefined : shown;
}
