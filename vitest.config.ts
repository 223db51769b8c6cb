import { defineConfig } from "vitest/config";
import { chromiumPath } from "./test/console/support/chromium.js";

const conditions = ["sotto-source", "node", "import", "module", "default"];

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
    expect: { poll: { timeout: 20_000 } },
    pool: "forks",
    // Most tests wait for sockets, disks and child processes rather than compute; one worker a core would idle.
    maxWorkers: 4,
    projects: [
      // Every test ends what it began, so that the next file of a process need not load every module anew: half of all the work.
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          exclude: [pages],
          isolate: false,
          globalSetup: "test/support/programs/bundle.ts",
        },
      },
      // What drives a browser leaves hooks on every promise of its process.
      { extends: true, test: { name: "pages", include: [pages], exclude: unseen } },
    ],
  },
});
