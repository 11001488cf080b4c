import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill, type FolderContent } from "./folder.ts";

/** A git repository behind HTTP, served by git's own CGI program. */
export interface GitServer {
  /** Ends in `.git`. */
  readonly url: string;
  /** Commits these files over what is there to the branch, and answers the commit. */
  commit(files: FolderContent, branch?: string): string;
  /** An annotated tag on the newest commit. */
  tag(name: string): void;
  /** Requests so far. */
  requests(): number;
  close(): void;
}

/** @param token asked for as BuildKit sends GIT_AUTH_TOKEN, when it is given */
export async function startGitServer({ token }: { token?: string } = {}): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), "git-server-"));
  const work = join(root, "work");
  mkdirSync(work);
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false"];
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", work, ...identity, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  git("init", "--quiet", "--initial-branch=main");
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", join(root, "app.git")]);
  git("remote", "add", "origin", join(root, "app.git"));
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    const basic = `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
    if (token === undefined || request.headers.authorization?.toLowerCase() === basic.toLowerCase()) return serve(root, request, response);
    response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app.git`,
    commit(files, branch = "main") {
      fill(work, files);
      git("add", "--all");
      git("commit", "--quiet", "--allow-empty", "--message", "a change");
      git("push", "--quiet", "--force", "origin", `HEAD:refs/heads/${branch}`);
      return git("rev-parse", "HEAD");
    },
    tag(name) {
      git("tag", "--annotate", name, "--message", name);
      git("push", "--quiet", "origin", name);
    },
    requests: () => count,
    close() {
      server.close();
      server.closeAllConnections();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"],
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
      GIT_PROTOCOL: request.headers["git-protocol"] as string | undefined,
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.once("close", () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf("\r\n\r\n");
    for (const line of answer.subarray(0, end).toString("latin1").split("\r\n")) {
      const [name = "", value = ""] = line.split(/: (.*)/s);
      if (name === "Status") response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.end(answer.subarray(end + 4));
  });
}
