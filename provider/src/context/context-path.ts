import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import { encodePath } from "./path-bytes.ts";

/** The absolute path of an entry, as the bytes that the system knows. */
export function absolutePath(root: string, path: string): string | Buffer {
  const absolute = path === "" ? root : `${root}/${path}`;
  return absolute.isWellFormed() ? absolute : encodePath(absolute);
}

export function unreadable(path: string, cause: unknown): CloudBuildError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") {
    return new CloudBuildError("context-changed", `"${path}" disappeared while the build context was read`, { property: "context", cause });
  }
  return new CloudBuildError("context-unreadable", `"${path}" cannot be read: ${code ?? message}`, { property: "context", cause });
}

export function changed(path: string): CloudBuildError {
  return new CloudBuildError("context-changed", `"${path}" changed while the build context was read`, { property: "context" });
}
