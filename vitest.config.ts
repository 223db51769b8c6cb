import { defineConfig } from "vitest/config";
import { chromiumPath } from "./test/console/support/chromium.js";

const conditions = ["sotto-source", "node", "import", "module", "default"];

/** Tests that leave nothing behind in a process, so that its next file need not load every module anew. */
const rules = [
  "test/protocol/**/*.test.ts",
  "test/sdk/{bot,core,engine}/**/*.test.ts",
  "test/sdk/node/{chunk-key,clock,crypto,file,http,images,link-preview,safe-file-name,save-attachment,sounds}.test.ts",
  "test/server/{blobs,desk,relay,store,keys}/**/*.test.ts",
  "test/attacks/frank/*.test.ts",
  "test/docs/**/*.test.ts",
  "test/contract/**/*.test.ts",
];

/** Tests that drive a page. */
const pages = "test/console/{case-work,hostile-content,reach,real-desk,signing-in,team-keys,workflow}.test.ts";
const unseen = chromiumPath() === undefined ? [pages] : [];
if (unseen.length > 0)
  process.stderr.write(`skipped, for there is no Chromium (apt-get install chromium, or CHROMIUM=path): ${pages}\n`);

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks",
    // Most tests wait for sockets, disks and child processes rather than compute; one worker a core would idle.
    maxWorkers: 4,
    globalSetup: "test/support/programs/bundle.ts",
    projects: [
      { extends: true, test: { name: "rules", include: rules, isolate: false } },
      { extends: true, test: { name: "parts", include: ["test/**/*.test.ts"], exclude: [...rules, ...unseen] } },
    ],
  },
});
