import { execFile } from "node:child_process";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import type { GitReference } from "./context-reference.ts";

/** Asks git servers, with the machine's own git and its credentials. Nothing is cloned. */
export interface GitRemote {
  /** The commit that a reference names now, 40 or 64 hex. A reference that is a commit already is not asked for. */
  commitOf(reference: GitReference, signal: AbortSignal): Promise<string>;
}

const commitForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** @param env what `git` finds its configuration and credentials by; it never asks a person */
export function createGitRemote({ env }: { env: NodeJS.ProcessEnv }): GitRemote {
  const lsRemote = (url: string, patterns: readonly string[], signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { env: { ...env, GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" }, signal, maxBuffer: 16 << 20 };
      execFile("git", ["ls-remote", "--", url, ...patterns], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(signal.aborted ? (signal.reason as Error) : unanswered(url, error, stderr));
      });
    });

  return {
    async commitOf({ url, ref }, signal) {
      if (ref !== undefined && commitForm.test(ref)) return ref;
      const wanted = ref === undefined ? ["HEAD"] : candidates(ref);
      const commits = parseRefs(await lsRemote(url, wanted, signal));
      const found = wanted.map((name) => commits.get(name)).find((commit) => commit !== undefined);
      if (found !== undefined) return found;
      throw unreadable(ref === undefined ? `"${url}" has no commit` : `"${url}" has no branch or tag "${ref}"`);
    },
  };
}

/** What a name may mean, by git's own order; the commit that an annotated tag points to comes before the tag itself. */
function candidates(ref: string): string[] {
  if (ref.startsWith("refs/")) return [`${ref}^{}`, ref];
  return [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`];
}

function parseRefs(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").map((line) => line.split("\t"));
  return new Map(lines.flatMap(([commit, name]) => (commit !== undefined && name !== undefined ? [[name, commit] as const] : [])));
}

function unanswered(url: string, error: Error & { code?: unknown }, stderr: string): CloudBuildError {
  if (error.code === "ENOENT") {
    return unreadable(
      `"${url}" cannot be looked up: there is no git on this machine`,
      error,
      "install git, or name a commit: <url>#<40 hex>",
    );
  }
  const said = stderr.trim().split("\n").at(-1) ?? error.message;
  return unreadable(
    `"${url}" cannot be looked up: ${said}`,
    error,
    "check that `git ls-remote` of the URL works here, or name a commit: <url>#<40 hex>",
  );
}

function unreadable(message: string, cause?: Error, hint?: string): CloudBuildError {
  return new CloudBuildError("context-unreadable", message, { property: "context", ...(hint === undefined ? {} : { hint }), cause });
}
