/** The wrong arrows that must not compile or lint, and for each a right one from the same place that must. */

/** One file to try: where it lies, what it says, and who must object. */
export interface Probe {
  readonly name: string;
  /** The folder in which the file is tried. */
  readonly folder: string;
  readonly wrong: string;
  readonly right: string;
  /**
   * Who must object to `wrong`. What only biome must object to is not shown to the compiler: a package's types may bring
   * Node's with them, and would hide what else is wrong in the project.
   */
  readonly caughtBy: readonly ("tsc" | "biome")[];
}

const protocolImport = 'import { limits } from "@sotto/protocol";\n\nexport const bound = limits.textBytes.value;\n';
const use = (from: string) => `import { target } from "${from}";\n\nexport const used = target;\n`;
const useNodeFs = 'import { readFileSync } from "node:fs";\n\nexport const read = readFileSync;\n';

/** Every arrow that is tried. */
export const probes: readonly Probe[] = [
  {
    name: "protocol reads files",
    folder: "protocol",
    wrong: useNodeFs,
    right: 'import { limits } from "./limits.js";\n\nexport const bound = limits.textBytes.value;\n',
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "protocol uses Buffer",
    folder: "protocol",
    wrong: "export const made = Buffer.alloc(1);\n",
    right: "export const made = new Uint8Array(1);\n",
    caughtBy: ["tsc"],
  },
  {
    name: "protocol uses process",
    folder: "protocol",
    wrong: "export const home = process.env;\n",
    right: "export const home = new TextEncoder();\n",
    caughtBy: ["tsc"],
  },
  {
    name: "protocol uses the DOM",
    folder: "protocol",
    wrong: "export const page = document.title;\n",
    right: 'export const page = "title".length;\n',
    caughtBy: ["tsc"],
  },
  {
    name: "protocol imports the SDK",
    folder: "protocol",
    wrong: use("../sdk/core/target.js"),
    right: use("./target.js"),
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "sdk/core uses Buffer",
    folder: "sdk/core",
    wrong: "export const made = Buffer.alloc(1);\n",
    right: "export const made = new Uint8Array(1);\n",
    caughtBy: ["tsc"],
  },
  {
    name: "sdk/core uses process",
    folder: "sdk/core",
    wrong: "export const home = process.env;\n",
    right: "export const home = {};\n",
    caughtBy: ["tsc"],
  },
  {
    name: "sdk/core reads files",
    folder: "sdk/core",
    wrong: useNodeFs,
    right: protocolImport,
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "sdk/core imports an engine",
    folder: "sdk/core",
    wrong: use("../engine/target.js"),
    right: use("./target.js"),
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "sdk/core imports a socket library",
    folder: "sdk/core",
    wrong: 'import { WebSocket } from "ws";\n\nexport const socket = WebSocket;\n',
    right: protocolImport,
    caughtBy: ["biome"],
  },
  {
    name: "sdk/core imports the relay",
    folder: "sdk/core",
    wrong: use("@sotto/relay"),
    right: protocolImport,
    caughtBy: ["biome"],
  },
  {
    name: "sdk/engine imports the relay",
    folder: "sdk/engine",
    wrong: use("@sotto/relay"),
    right: use("../core/target.js"),
    caughtBy: ["biome"],
  },
  {
    name: "sdk/engine imports a file of the server",
    folder: "sdk/engine",
    wrong: use("../../server/target.js"),
    right: use("../core/target.js"),
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "sdk/node imports the relay",
    folder: "sdk/node",
    wrong: use("@sotto/relay"),
    right: use("../engine/target.js"),
    caughtBy: ["biome"],
  },
  {
    name: "server/relay imports a store",
    folder: "server/relay",
    wrong: use("../store/target.js"),
    right: use("./target.js"),
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "server/relay reads files",
    folder: "server/relay",
    wrong: useNodeFs,
    right: protocolImport,
    caughtBy: ["tsc", "biome"],
  },
  {
    name: "server/relay uses Buffer",
    folder: "server/relay",
    wrong: "export const made = Buffer.alloc(1);\n",
    right: "export const made = new Uint8Array(1);\n",
    caughtBy: ["tsc"],
  },
  {
    name: "server/store imports the rules",
    folder: "server/store",
    wrong: use("../relay/target.js"),
    right: use("./target.js"),
    caughtBy: ["biome"],
  },
  {
    name: "server/store imports the SDK",
    folder: "server/store",
    wrong: use("@sotto/sdk/node"),
    right: protocolImport,
    caughtBy: ["biome"],
  },
  {
    name: "server/blobs imports the rules",
    folder: "server/blobs",
    wrong: use("../relay/target.js"),
    right: useNodeFs,
    caughtBy: ["biome"],
  },
  {
    name: "server/ops imports the SDK",
    folder: "server/ops",
    wrong: use("@sotto/sdk/node"),
    right: useNodeFs,
    caughtBy: ["biome"],
  },
];
