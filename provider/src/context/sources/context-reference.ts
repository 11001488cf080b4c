import { posix } from "node:path";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";

/** A build context as a program names it, told apart by how it is spelled, as `docker build` does. */
export type ContextReference = FolderReference | GitReference | ObjectReference | ImageReference;

export interface FolderReference {
  readonly kind: "folder";
  readonly path: string;
}

/** `https://host/team/app.git#ref:subfolder`. */
export interface GitReference {
  readonly kind: "git";
  /** Without the fragment. */
  readonly url: string;
  /** A branch, a tag, a full ref or a commit. Default: the remote's HEAD. */
  readonly ref?: string;
  readonly subfolder?: string;
}

/** `s3://bucket/key`: an archive somebody else put there. */
export interface ObjectReference {
  readonly kind: "object";
  readonly bucket: string;
  readonly key: string;
  readonly format: ArchiveFormat;
}

export type ArchiveFormat = "zip" | "tar" | "tar.gz";

/** `docker-image://reference`, for named contexts only. */
export interface ImageReference {
  readonly kind: "image";
  readonly reference: string;
}

const archives: readonly (readonly [ending: string, format: ArchiveFormat])[] = [
  [".zip", "zip"],
  [".tar.gz", "tar.gz"],
  [".tgz", "tar.gz"],
  [".tar", "tar"],
];

/**
 * Tells what a text names. Everything that is no URL is a folder. Throws "input-invalid" for a URL that no build can be given: its text goes
 * into state and into the build's request, so it may hold no password.
 */
export function parseContextReference(text: string): ContextReference {
  if (text.startsWith("docker-image://")) return imageReference(text);
  if (text.startsWith("s3://")) return objectReference(text);
  if (/^ssh:\/\/|^[\w.-]+@[\w.-]+:/.test(text)) {
    throw invalid(text, "needs an SSH key in the build; use the https:// URL, with a secret named GIT_AUTH_TOKEN if it is private");
  }
  if (/^(?:https?|git):\/\//.test(text)) return gitReference(text);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    throw invalid(text, "is a URL of an unknown kind; a context is a folder, https://….git#ref:folder or s3://bucket/key");
  }
  return { kind: "folder", path: text };
}

/** How BuildKit is told to fetch a context: a commit is fetched as it is, wherever the branch has gone meanwhile. */
export function gitUrlAt({ url, subfolder }: Pick<GitReference, "url" | "subfolder">, commit: string): string {
  return `${url}#${commit}${subfolder === undefined ? "" : `:${subfolder}`}`;
}

function gitReference(text: string): GitReference {
  const hash = text.indexOf("#");
  const url = hash < 0 ? text : text.slice(0, hash);
  const [, ref = "", folder = ""] = /^([^:]*)(?::(.*))?$/s.exec(hash < 0 ? "" : text.slice(hash + 1)) ?? [];
  if (!url.startsWith("git://") && !/\.git$/.test(url)) {
    throw invalid(text, "is a URL, but names no git repository: its path must end in .git");
  }
  if (!/^(?:https?|git):\/\/[^\s"'\\]+$/.test(url) || !URL.canParse(url)) throw invalid(text, "is not a URL");
  const { username, password } = new URL(url);
  if (username !== "" || password !== "") {
    throw invalid(url.replace(/\/\/[^@]*@/, "//…@"), "holds credentials; leave them out, and name a secret GIT_AUTH_TOKEN instead");
  }
  if (/^-|[\s~^:?*[\\]|\.\./.test(ref)) throw invalid(text, `asks for "${ref}", which is not the name of a branch, a tag or a commit`);
  const subfolder = posix.normalize(folder === "" ? "." : folder).replace(/^\/+|\/+$/g, "");
  if (/^\.\.(?:\/|$)/.test(subfolder)) throw invalid(text, `asks for "${folder}", which lies outside the repository`);
  return { kind: "git", url, ...(ref === "" ? {} : { ref }), ...(subfolder === "." || subfolder === "" ? {} : { subfolder }) };
}

function objectReference(text: string): ObjectReference {
  const [, bucket, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/s.exec(text) ?? [];
  if (bucket === undefined || key === undefined) throw invalid(text, "is not an S3 object; expected s3://bucket/key");
  const format = archives.find(([ending]) => key.endsWith(ending))?.[1];
  if (format === undefined) {
    throw invalid(text, `is not an archive; its key must end in ${archives.map(([ending]) => ending).join(", ")}`);
  }
  return { kind: "object", bucket, key, format };
}

function imageReference(text: string): ImageReference {
  const reference = text.slice("docker-image://".length);
  if (!/^[a-z0-9][\w.-]*(?::\d+)?(?:\/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/i.test(reference)) {
    throw invalid(text, "is not an image; expected docker-image://<repository>@sha256:<64 hex> or :<tag>");
  }
  return { kind: "image", reference };
}

function invalid(text: string, what: string): CloudBuildError {
  return new CloudBuildError("input-invalid", `"${text}" ${what}`, { property: "context" });
}
