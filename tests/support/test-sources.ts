import type { ContextReader } from "../../provider/src/context/files/context-reader.ts";
import { createGitRemote } from "../../provider/src/context/sources/git-remote.ts";
import { createSourceResolver } from "../../provider/src/context/sources/source-resolver.ts";

/** Sources as a machine with git and no configuration of it sees them. */
export function testSources(contexts: ContextReader) {
  const env = { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", HOME: "/nonexistent" };
  return { contexts, sources: createSourceResolver({ reader: contexts, git: createGitRemote({ env }) }) };
}
