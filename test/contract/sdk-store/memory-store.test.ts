import { MemoryPlace, UnsafeMemoryStore } from "../../sdk/core/storage/unsafe-memory-store.js";
import { describeSdkStore } from "./describe-sdk-store.js";

describeSdkStore("in memory, the double of other tests", {
  async make() {
    const place = new MemoryPlace();
    return { store: new UnsafeMemoryStore(place), again: () => new UnsafeMemoryStore(place), dispose: async () => {} };
  },
});
