/** The relay's blob storage: a folder on disk, and a memory double. */

export { folderBlobs } from "./disk/folder-blobs.js";
export { memoryBlobs } from "./memory-blobs.js";
