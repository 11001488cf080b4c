import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileNameOf, nameOfFile, readJson, writeJson } from "../state-folder.ts";

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** With its quotes, as HTTP writes it. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly contentType: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
}

export type ObjectFacts = Pick<StoredObject, "contentType" | "tags" | "metadata">;

/** What came in, not yet an object. */
export interface ReceivedData {
  readonly path: string;
  readonly size: number;
  /** Hex. */
  readonly md5: string;
}

export interface ObjectStore {
  buckets(): { name: string; createdAt: number }[];
  hasBucket(name: string): boolean;
  createBucket(name: string): void;
  deleteBucket(name: string): void;
  objects(bucket: string): StoredObject[];
  object(bucket: string, key: string): StoredObject | undefined;
  open(bucket: string, key: string, range?: { start: number; end: number }): NodeJS.ReadableStream;
  /** The file that holds the content. */
  pathOf(bucket: string, key: string): string;
  receive(source: AsyncIterable<Buffer>): Promise<ReceivedData>;
  put(bucket: string, key: string, data: ReceivedData, facts: ObjectFacts, etag?: string): StoredObject;
  setTags(bucket: string, key: string, tags: StoredObject["tags"]): void;
  delete(bucket: string, key: string): void;
}

/** A bucket is a folder; an object two files named by the hash of its key: what is known about it, and its bytes. */
export function createObjectStore(folder: string): ObjectStore {
  const root = join(folder, "buckets");
  const incoming = join(folder, "incoming");
  rmSync(incoming, { recursive: true, force: true });
  for (const path of [root, incoming]) mkdirSync(path, { recursive: true });

  const bucketPath = (bucket: string): string => join(root, fileNameOf(bucket));
  const objectPath = (bucket: string, key: string): string => join(bucketPath(bucket), createHash("sha256").update(key).digest("hex"));

  const store: ObjectStore = {
    buckets: () => readdirSync(root).map((file) => ({ name: nameOfFile(file), createdAt: statSync(join(root, file)).birthtimeMs })),
    hasBucket: (name) => existsSync(bucketPath(name)),
    createBucket: (name) => void mkdirSync(bucketPath(name), { recursive: true }),
    deleteBucket: (name) => rmSync(bucketPath(name), { recursive: true }),
    objects: (bucket) =>
      readdirSync(bucketPath(bucket))
        .filter((file) => file.endsWith(".json"))
        .map((file) => readJson<StoredObject>(join(bucketPath(bucket), file)))
        .filter((one) => one !== undefined)
        .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))),
    object: (bucket, key) => readJson<StoredObject>(`${objectPath(bucket, key)}.json`),
    open: (bucket, key, range) => createReadStream(objectPath(bucket, key), range),
    pathOf: objectPath,
    async receive(source) {
      const path = join(incoming, randomUUID());
      const file = createWriteStream(path);
      const md5 = createHash("md5");
      let size = 0;
      try {
        for await (const chunk of source) {
          md5.update(chunk);
          size += chunk.length;
          if (!file.write(chunk)) await once(file, "drain");
        }
        file.end();
        await finished(file);
      } catch (error) {
        file.destroy();
        rmSync(path, { force: true });
        throw error;
      }
      return { path, size, md5: md5.digest("hex") };
    },
    put(bucket, key, { path, size, md5 }, facts, etag = `"${md5}"`) {
      const stored: StoredObject = { key, size, etag, modifiedAt: Date.now(), ...facts };
      renameSync(path, objectPath(bucket, key));
      writeJson(`${objectPath(bucket, key)}.json`, stored);
      return stored;
    },
    setTags(bucket, key, tags) {
      writeJson(`${objectPath(bucket, key)}.json`, { ...store.object(bucket, key), tags });
    },
    delete(bucket, key) {
      rmSync(`${objectPath(bucket, key)}.json`, { force: true });
      rmSync(objectPath(bucket, key), { force: true });
    },
  };
  return store;
}
