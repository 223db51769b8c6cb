import { defineConfig } from "vitest/config";

const conditions = ["sotto-source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks",
    // Most tests wait for sockets, disks and child processes rather than compute; one worker a core would idle.
    maxWorkers: 4,
  },
});
