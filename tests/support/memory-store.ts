import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { ContextStore } from "../../provider/src/context/shipping/context-store.ts";

/** A context store in memory. `puts` are the keys that came in since they were last taken, with their sizes. */
export interface MemoryStore extends ContextStore {
  readonly objects: Map<string, Buffer>;
  takePuts(): Readonly<Record<string, number>>;
}

export function memoryStore(): MemoryStore {
  const objects = new Map<string, Buffer>();
  let puts: Record<string, number> = {};
  const keep = (key: string, bytes: Buffer): void => {
    objects.set(key, bytes);
    puts[key] = bytes.length;
  };
  const put: ContextStore["put"] = async (key, open) => {
    const bytes = await buffer(open());
    if (!objects.has(key)) keep(key, bytes);
  };
  return {
    bucket: "contexts",
    objects,
    takePuts() {
      const taken = puts;
      puts = {};
      return taken;
    },
    async stat(key) {
      const bytes = objects.get(key);
      return bytes && { size: bytes.length, etag: createHash("md5").update(bytes).digest("hex") };
    },
    get: async (key) => objects.get(key),
    put,
    putInTurn: put,
    replace: async (key, bytes) => keep(key, bytes),
  };
}
