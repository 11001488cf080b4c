import type { ShippedContext, StoredAssembly } from "../../build/build-request.ts";
import { shellQuote } from "./shell-quote.ts";

/** The exit status by which a build says that it could not put its context together. No program of the recipe has it for its own. */
export const contextBrokenStatus = 79;

// A subshell gives the status without ending the shell.
const broken = `(exit ${contextBrokenStatus})`;
const context = '"$CLOUDBUILD_WORK/context"';

/** The secondary source that carries a delta; CodeBuild puts it into CODEBUILD_SRC_DIR_<this>. */
export function deltaSource(index: number): string {
  return `delta${index + 1}`;
}

/**
 * Commands that bring the context into `$CLOUDBUILD_WORK/context`. One that is put together is checked before it is built: every name, kind,
 * mode, link text and content. What the bucket holds can make such a build fail, and nothing else. POSIX sh with GNU tar, findutils and
 * coreutils, which all CodeBuild images have.
 */
export function unpackCommands({ object, assembly }: ShippedContext): string[] {
  if (assembly === undefined) return [unpacked(object.key)];
  return [
    `${unpacked(assembly.baseKey)} || ${broken}`,
    ...assembly.deltaKeys.map((delta, i) => `${applied(`"$CODEBUILD_SRC_DIR_${deltaSource(i)}"/${fileName(delta)}`)} || ${broken}`),
    `${verified(assembly)} || { echo "the context could not be put together from what the bucket holds" >&2; ${broken}; }`,
  ];
}

function unpacked(key: string): string {
  return `tar -xpzf "$CODEBUILD_SRC_DIR"/${fileName(key)} -C ${context}`;
}

function applied(delta: string): string {
  return `(cd ${context} && tar -xOzf ${delta} removed | xargs -0 -r rm -rf -- && tar -xpzf ${delta} --strip-components=1 tree)`;
}

// sha256sum writes a backslash before the hash of a name that it must escape.
const listing = [
  "find . -mindepth 1 -printf '%p//%y%m//%l\\0' | sort -z",
  "find . -type f -print0 | sort -z | xargs -0 -r sha256sum | sed 's/^\\\\//' | cut -b 1-64",
].join("; ");

function verified({ treeDigest }: StoredAssembly): string {
  return `test "$(export LC_ALL=C; cd ${context} && { ${listing}; } | sha256sum)" = "${treeDigest}  -"`;
}

function fileName(key: string): string {
  return shellQuote(key.slice(key.lastIndexOf("/") + 1));
}
