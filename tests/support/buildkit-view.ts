import { execFile } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createBuilder } from "../../provider/local-cloud/builder/buildkit.ts";
import { fill } from "./folder.ts";

const run = promisify(execFile);

/** What the real BuildKit copies out of a context: it is told to copy everything, and what arrives is listed. */
export interface BuildkitView {
  /** One line for each entry, sorted: `f path`, `x path`, `d path/` or `l path -> text`. Rejects when buildx refuses the context. */
  list(context: string, dockerfile: string): Promise<string[]>;
  /** The same of a folder that is a named context. */
  listNamed(context: string): Promise<string[]>;
  /** A Dockerfile outside every context, which copies everything. */
  readonly dockerfile: string;
  close(): Promise<void>;
}

export async function openBuildkitView(): Promise<BuildkitView> {
  const folder = mkdtempSync(join(tmpdir(), "buildkit-view-"));
  const home = join(folder, "home");
  mkdirSync(home);
  fill(folder, { Dockerfile: "FROM scratch\nCOPY . /\n" });
  const builder = createBuilder({ folder, log: () => undefined, registry: () => "127.0.0.1:0" });
  const base = { PATH: process.env["PATH"] ?? "", HOME: home };
  const env = { ...base, ...(await builder.prepare(home, base)) };
  const named = join(folder, "named");
  fill(named, { Dockerfile: "FROM scratch\nCOPY --from=it . /\n" });
  let count = 0;
  const build = async (...args: readonly string[]): Promise<string[]> => {
    count += 1;
    const out = join(folder, `out-${count}`);
    try {
      await run("docker", ["buildx", "build", "--progress", "quiet", "--output", `type=local,dest=${out}`, ...args], { env });
      return listed(out);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  };
  return {
    dockerfile: join(folder, "Dockerfile"),
    list: (context, dockerfile) => build("--file", dockerfile, context),
    listNamed: (context) => build("--build-context", `it=${context}`, named),
    async close() {
      await builder.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listed(root: string): string[] {
  const lines: string[] = [];
  const visit = (folder: string, prefix: string): void => {
    for (const name of readdirSync(folder)) {
      const [absolute, path] = [join(folder, name), `${prefix}${name}`];
      const stats = lstatSync(absolute);
      if (stats.isDirectory()) {
        lines.push(`d ${path}/`);
        visit(absolute, `${path}/`);
      } else if (stats.isSymbolicLink()) lines.push(`l ${path} -> ${readlinkSync(absolute)}`);
      else lines.push(`${(stats.mode & 0o100) === 0 ? "f" : "x"} ${path}`);
    }
  };
  visit(root, "");
  return lines.sort();
}
