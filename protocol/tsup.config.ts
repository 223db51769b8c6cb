import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["index.ts"],
  format: "esm",
  // Project references are for checking; a declaration bundle is one program.
  dts: { compilerOptions: { composite: false, emitDeclarationOnly: false } },
  target: "node20",
  platform: "neutral",
  sourcemap: true,
  clean: true,
});
