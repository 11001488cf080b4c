import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileNameOf, nameOfFile, readJson, writeJson, writeWhole } from "../state-folder.ts";

export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
  readonly archivedAt?: number;
}

type AboutManifest = Pick<StoredManifest, "mediaType" | "pushedAt" | "archivedAt">;

export interface StoredRepository {
  readonly name: string;
  readonly createdAt: number;
  readonly tagMutability: "MUTABLE" | "IMMUTABLE";
}

/** What both doors, the registry's and ECR's, say about images. Files on disk: blobs by digest, one folder for each repository. */
export interface ImageStore {
  repositories(): StoredRepository[];
  repository(name: string): StoredRepository | undefined;
  putRepository(repository: StoredRepository): void;
  deleteRepository(name: string): void;
  /** tag → digest */
  tags(repository: string): ReadonlyMap<string, string>;
  setTag(repository: string, tag: string, digest: string): void;
  deleteTag(repository: string, tag: string): void;
  manifests(repository: string): StoredManifest[];
  manifest(repository: string, digest: string): StoredManifest | undefined;
  /** Pushing what is archived restores it. */
  putManifest(repository: string, manifest: Pick<StoredManifest, "mediaType" | "bytes">): StoredManifest;
  deleteManifest(repository: string, digest: string): void;
  /** Moves an image into the archive, or out of it. */
  setArchived(repository: string, digest: string, archived: boolean): void;
  hasBlob(repository: string, digest: string): boolean;
  blobSize(digest: string): number;
  openBlob(digest: string): NodeJS.ReadableStream;
  /** Takes over a finished file as a blob of a repository. */
  adoptBlob(repository: string, digest: string, path: string): void;
  /** Makes a blob that another repository has one of this one, too. */
  linkBlob(repository: string, digest: string): void;
  /** Where an upload is written before it becomes a blob. */
  readonly uploads: string;
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function createImageStore(folder: string): ImageStore {
  const blobs = join(folder, "blobs");
  const root = join(folder, "repositories");
  const uploads = join(folder, "uploads");
  rmSync(uploads, { recursive: true, force: true });
  for (const path of [blobs, root, uploads]) mkdirSync(path, { recursive: true });

  const repositoryPath = (name: string, ...rest: string[]): string => join(root, fileNameOf(name), ...rest);
  const hexOf = (digest: string): string => digest.replace("sha256:", "");
  const blobPath = (digest: string): string => join(blobs, hexOf(digest));
  const readTags = (name: string): Record<string, string> => readJson<Record<string, string>>(repositoryPath(name, "tags.json")) ?? {};

  const store: ImageStore = {
    uploads,
    repositories: () =>
      readdirSync(root)
        .map((file) => store.repository(nameOfFile(file)))
        .filter((one) => one !== undefined),
    repository: (name) => readJson<StoredRepository>(repositoryPath(name, "repository.json")),
    putRepository(repository) {
      for (const part of ["manifests", "layers"]) mkdirSync(repositoryPath(repository.name, part), { recursive: true });
      writeJson(repositoryPath(repository.name, "repository.json"), repository);
    },
    deleteRepository: (name) => rmSync(repositoryPath(name), { recursive: true, force: true }),
    tags: (name) => new Map(Object.entries(readTags(name))),
    setTag: (name, tag, digest) => writeJson(repositoryPath(name, "tags.json"), { ...readTags(name), [tag]: digest }),
    deleteTag(name, tag) {
      const rest = Object.entries(readTags(name)).filter(([other]) => other !== tag);
      writeJson(repositoryPath(name, "tags.json"), Object.fromEntries(rest));
    },
    manifests: (name) =>
      readdirSync(repositoryPath(name, "manifests"))
        .filter((file) => file.endsWith(".json"))
        .map((file) => store.manifest(name, `sha256:${file.replace(/\.json$/, "")}`))
        .filter((one) => one !== undefined),
    manifest(name, digest) {
      const path = repositoryPath(name, "manifests", hexOf(digest));
      const about = readJson<AboutManifest>(`${path}.json`);
      return about === undefined ? undefined : { digest, ...about, bytes: readFileSync(path) };
    },
    putManifest(name, { mediaType, bytes }) {
      const digest = sha256(bytes);
      const known = store.manifest(name, digest);
      if (known !== undefined && known.archivedAt === undefined) return known;
      const path = repositoryPath(name, "manifests", hexOf(digest));
      const about = { mediaType, pushedAt: Date.now() };
      writeWhole(path, bytes);
      writeJson(`${path}.json`, about);
      return { digest, ...about, bytes };
    },
    setArchived(name, digest, archived) {
      const found = store.manifest(name, digest);
      if (found === undefined) return;
      const { mediaType, pushedAt } = found;
      const about: AboutManifest = { mediaType, pushedAt, ...(archived ? { archivedAt: Date.now() } : {}) };
      writeJson(`${repositoryPath(name, "manifests", hexOf(digest))}.json`, about);
    },
    deleteManifest(name, digest) {
      const path = repositoryPath(name, "manifests", hexOf(digest));
      rmSync(`${path}.json`, { force: true });
      rmSync(path, { force: true });
    },
    hasBlob: (name, digest) => existsSync(repositoryPath(name, "layers", hexOf(digest))) && existsSync(blobPath(digest)),
    blobSize: (digest) => statSync(blobPath(digest)).size,
    openBlob: (digest) => createReadStream(blobPath(digest)),
    adoptBlob(name, digest, path) {
      renameSync(path, blobPath(digest));
      store.linkBlob(name, digest);
    },
    linkBlob: (name, digest) => writeFileSync(repositoryPath(name, "layers", hexOf(digest)), ""),
  };
  return store;
}
