import { join } from "node:path";
import { openLevelRows } from "../../../server/desk/store/level-rows.js";
import { memoryRows } from "../../server/desk/memory-rows.js";
import { temporaryFolders } from "../../server/ops/temporary-folder.js";
import { describeRows } from "./describe-rows.js";

const newFolder = temporaryFolders();

describeRows("rows in memory", async () => memoryRows());
describeRows("rows in LevelDB", () => openLevelRows(join(newFolder(), "rows")));
