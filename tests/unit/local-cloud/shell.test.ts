import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { createShell, type Shell } from "../../../provider/local-cloud/codebuild/shell.ts";
import { isAlive } from "../../../provider/local-cloud/state-folder.ts";
import { makeFolder, removeFolders } from "../../support/folder.ts";

describe("the local cloud's shell", () => {
  let shell: Shell;
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(makeFolder({ "sub/file": "" }));
    shell = createShell({
      shell: "sh",
      folder: join(folder, "commands"),
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", GIVEN: "it's $(id)" },
    });
  });
  afterEach(async () => {
    await shell.stop(500);
    removeFolders();
  });

  async function run(command: string): Promise<{ status: number; lines: string[] }> {
    const lines: string[] = [];
    const status = await shell.run(command, (line) => lines.push(line));
    return { status, lines };
  }

  it("keeps variables and the working directory from one command to the next", async () => {
    await run("A=private; export B=exported; cd sub");
    assert.deepEqual(await run('echo "$A $B"; pwd; echo "$GIVEN"'), {
      status: 0,
      lines: ["private exported", `${folder}/sub`, "it's $(id)"],
    });
    assert.equal(shell.variables()["B"], "exported");
    assert.equal(shell.variables()["A"], undefined);
  });

  it("answers the exit status, and everything that was written, in order", async () => {
    assert.deepEqual(await run("echo out; echo err >&2; printf unended; (exit 7)"), { status: 7, lines: ["out", "err", "unended"] });
    assert.deepEqual(await run("true"), { status: 0, lines: [] });
  });

  it("goes on after a command that ended the shell, with its variables and directory", async () => {
    await run("export KEPT=1; cd sub");
    assert.equal((await run("exit 3")).status, 3);
    assert.deepEqual(await run('echo "$KEPT"; pwd'), { status: 0, lines: ["1", `${folder}/sub`] });
  });

  it("answers a syntax error as a failure", async () => {
    const { status, lines } = await run("if true; then echo 'open");
    assert.notEqual(status, 0);
    assert.ok(lines.length > 0);
  });

  it("gives commands no input to read, so that none waits for it", async () =>
    assert.deepEqual(await run("cat; echo done"), { status: 0, lines: ["done"] }));

  it("hands over large output whole", async () => {
    const { lines } = await run("seq 1 20000");
    assert.equal(lines.length, 20_000);
    assert.equal(lines.at(-1), "20000");
  });

  it("ends every process of the build, also one that ignores TERM", async () => {
    const running = run("sh -c 'trap \"\" TERM; echo $$ > stubborn; while :; do sleep 0.05; done' & sleep 100");
    const { existsSync, readFileSync } = await import("node:fs");
    while (!existsSync(join(folder, "stubborn")) || readFileSync(join(folder, "stubborn"), "utf8") === "")
      await new Promise((resolve) => setTimeout(resolve, 10));
    const pid = Number(readFileSync(join(folder, "stubborn"), "utf8"));
    assert.equal(isAlive(pid), true);
    await shell.stop(200);
    assert.notEqual((await running).status, 0);
    for (let tries = 0; isAlive(pid) && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(isAlive(pid), false);
  });
});
