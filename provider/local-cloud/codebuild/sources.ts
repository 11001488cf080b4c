import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ObjectStore } from "../s3/object-store.ts";
import type { Source } from "./records.ts";

const run = promisify(execFile);

/** A source that cannot be had; the build fails in DOWNLOAD_SOURCE. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/** Brings a source into a folder as CodeBuild does: a `.zip` is unpacked, a key that ends in a slash is a folder, anything else one file. */
export async function fetchSource({ type, location, version }: Source, objects: ObjectStore, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  if (type === "NO_SOURCE") return;
  if (type !== "S3") return fetchRepository(location, version, into);
  const slash = location.indexOf("/");
  const [bucket, key] = [location.slice(0, slash), location.slice(slash + 1)];
  if (slash < 1 || !objects.hasBucket(bucket)) throw missing(location, "NoSuchBucket: The specified bucket does not exist");
  if (key.endsWith("/")) {
    for (const one of objects.objects(bucket).filter((object) => object.key.startsWith(key) && !object.key.endsWith("/"))) {
      const target = join(into, one.key.slice(key.length));
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(objects.pathOf(bucket, one.key), target);
    }
    return;
  }
  if (objects.object(bucket, key) === undefined) throw missing(location, "NoSuchKey: The specified key does not exist.");
  if (!key.endsWith(".zip")) return copyFileSync(objects.pathOf(bucket, key), join(into, basename(key)));
  try {
    await run("unzip", ["-q", objects.pathOf(bucket, key), "-d", into]);
  } catch (error) {
    throw missing(location, (error as Error).message);
  }
}

async function fetchRepository(location: string, version = "HEAD", into: string): Promise<void> {
  try {
    await run("git", ["-C", into, "init", "--quiet"]);
    await run("git", ["-C", into, "fetch", "--quiet", "--depth", "1", location, version]);
    await run("git", ["-C", into, "-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD"]);
  } catch (error) {
    throw new SourceError(`error while fetching ${location}: ${(error as { stderr?: string }).stderr ?? (error as Error).message}`);
  }
}

function missing(location: string, why: string): SourceError {
  return new SourceError(`error while downloading key ${location}, error: ${why}`);
}
