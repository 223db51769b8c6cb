import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "index.ts", main: "main.ts", desk: "desk/main.ts" },
  format: "esm",
  // Project references are for checking; a declaration bundle is one program.
  dts: { entry: { index: "index.ts" }, compilerOptions: { composite: false, emitDeclarationOnly: false } },
  target: "node20",
  platform: "node",
  sourcemap: true,
  clean: true,
});
