/** The snippets of README.md: each is a file of `examples/` that runs in the tests. */

import { readFileSync } from "node:fs";

/** Every generated section. */
export const readmeSections: Readonly<Record<string, () => string>> = {
  "example-first-message": () => snippet("first-message.ts"),
  "example-resume": () => snippet("resume.ts"),
  "example-second-device": () => snippet("second-device.ts"),
  "example-groups": () => snippet("groups.ts"),
  "example-photo-share": () => snippet("photo-share.ts"),
  "example-more-than-words": () => snippet("more-than-words.ts"),
  "example-report": () => snippet("report.ts"),
  "example-echo-bot": () => snippet("echo-bot.ts"),
  "example-grants": () => snippet("grants.ts"),
  "example-host-tokens": () => snippet("host-tokens.ts"),
};

function snippet(name: string): string {
  const code = readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8").trimEnd();
  return `\`\`\`ts\n// examples/${name}\n${code}\n\`\`\``;
}
