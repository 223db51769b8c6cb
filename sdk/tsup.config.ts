import { defineConfig } from "tsup";

export default defineConfig({
  // The names carry the folders into dist, where package.json's exports expect them.
  entry: { "core/index": "core/index.ts", "node/index": "node/index.ts", "bot/index": "bot/index.ts" },
  format: "esm",
  // Project references are for checking; a declaration bundle is one program.
  dts: { compilerOptions: { composite: false, emitDeclarationOnly: false } },
  target: "node20",
  platform: "node",
  tsconfig: "node/tsconfig.json",
  sourcemap: true,
  clean: true,
});
