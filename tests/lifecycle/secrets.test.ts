import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { root, run } from "../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { createWorkspace } from "../support/pulumi-workspace.ts";

const up = ["up", "--yes", "--suppress-progress"];

/** A value that must be found nowhere, in three places where builds find their secrets. */
describe("build secrets", () => {
  let world: LocalWorld;
  let state: string;
  const canary = randomBytes(12).toString("hex");
  before(async () => {
    state = join(makeFolder(), "state");
    world = await startWorld(["--state", state]);
    const aws = (...args: string[]) => run("aws", args, world.env);
    aws("secretsmanager", "create-secret", "--name", "whole", "--secret-string", `${canary}1`);
    aws("secretsmanager", "create-secret", "--name", "fields", "--secret-string", JSON.stringify({ token: `${canary}2` }));
    aws("ssm", "put-parameter", "--name", "/team/key", "--type", "SecureString", "--value", `${canary}3`);
  });
  after(async () => {
    await world.stop();
    removeFolders();
  });

  const secrets = {
    whole: { secretsManager: "whole" },
    field: { secretsManager: "fields:token" },
    "a.key": { parameterStore: "/team/key" },
    given: { value: { "fn::secret": `${canary}4` } },
    bare: { value: `${canary}5` },
  };
  const parked = (): unknown[] => {
    const answer = run("aws", ["ssm", "get-parameters-by-path", "--path", "/cloudbuild", "--recursive", "--output", "json"], world.env);
    return (JSON.parse(answer) as { Parameters: unknown[] }).Parameters;
  };

  function program(dockerfile: string, more: Record<string, unknown> = {}): string {
    const folder = makeFolder({ "app/Dockerfile": `FROM ${world.base}\n${dockerfile}` });
    const properties = {
      repositoryUrl: world.repositoryUrl,
      project: world.project,
      contextBucket: world.bucket,
      context: "./app",
      secrets,
      logs: "full",
      ...more,
    };
    const text = {
      name: "secrets",
      runtime: "yaml",
      plugins: { providers: [{ name: "cloudbuild", path: join(root, "provider/bin") }] },
      resources: { app: { type: "cloudbuild:CloudBuildImage", properties } },
      outputs: { imageUri: "${app.imageUri}", outcome: "${app.outcome}" },
    };
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify(text));
    return folder;
  }

  const mounts = `RUN ${Object.keys(secrets)
    .map((name) => `--mount=type=secret,id=${name} `)
    .join("")}`;

  /** Every file below a folder that holds the canary, in clear or gzipped. */
  function holding(folder: string): string[] {
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => {
      const path = join(folder, name);
      if (!statSync(path).isFile()) return false;
      const bytes = readFileSync(path);
      const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
      return plain.includes(canary) || bytes.includes(canary);
    });
  }

  it("reach the build, and nothing else holds their values", async () => {
    // The build proves that it saw them by their lengths, and tries to give them away in its log.
    const show =
      "for id in whole field a.key given bare; do wc -c < /run/secrets/$id; cat /run/secrets/$id; echo; done > /dev/stderr; wc -c < /run/secrets/field > /length\n";
    const workspace = await createWorkspace({ program: program(`${mounts}${show}`), env: world.env });
    try {
      const ran = await workspace.pulumi(up);
      const { imageUri } = await workspace.outputs();
      assert.ok(world.crane("export", String(imageUri), "-").includes(`${canary.length + 1}\n`), "the build saw them");
      assert.ok(ran.output.includes("***"), "the log shows that something is hidden");
      const plan = await workspace.pulumi(["preview", "--save-plan", "plan.json", "--diff", "--json"]);
      for (const [where, text] of Object.entries({
        "the engine's log": ran.output,
        "the plan": plan.output + readFileSync(join(workspace.folder, "plan.json"), "utf8"),
        "the parameters that are left": JSON.stringify(parked()),
        "the state": (await workspace.pulumi(["stack", "export"])).stdout,
        "the image's history and configuration": world.crane("config", String(imageUri)) + world.crane("manifest", String(imageUri)),
        "the image's files": world.crane("export", String(imageUri), "-"),
        "the builds": run("aws", ["codebuild", "batch-get-builds", "--ids", ...builds()], world.env),
      })) {
        assert.equal(text.includes(canary), false, where);
      }
      assert.deepEqual(parked(), []);
      // The server's own files: S3, logs, records, the registry. Only the vault may hold it.
      assert.deepEqual(
        holding(state).filter((name) => !name.startsWith("buildkit/")),
        ["secrets/parameters.json", "secrets/secrets.json"],
      );
    } finally {
      workspace.close();
    }
  });

  const builds = (): string[] =>
    (JSON.parse(run("aws", ["codebuild", "list-builds", "--output", "json"], world.env)) as { ids: string[] }).ids;

  it("are no part of the content but by their names: a rotated value builds nothing unless a trigger says so", async () => {
    const workspace = await createWorkspace({ program: program(`${mounts}test -s /run/secrets/whole\n`), env: world.env });
    try {
      await workspace.pulumi(up);
      const earlier = builds().length;
      run("aws", ["secretsmanager", "put-secret-value", "--secret-id", "whole", "--secret-string", `${canary}rotated`], world.env);
      await workspace.pulumi([...up, "--expect-no-changes"]);
      assert.equal(builds().length, earlier);
      const file = join(workspace.folder, "Pulumi.yaml");
      writeFileSync(file, readFileSync(file, "utf8").replace('"logs":"full"', '"logs":"full","triggers":{"rotated":"2"}'));
      await workspace.pulumi(up);
      assert.equal(builds().length, earlier + 1);
    } finally {
      workspace.close();
    }
  });

  it("by value are taken away after a failure, after Ctrl-C, and by whoever adopts the build after a crash", async () => {
    for (const [command, end] of [
      ["false", undefined],
      ["sleep 60", "SIGINT"],
      ["sleep 5", "SIGKILL"],
    ] as const) {
      const workspace = await createWorkspace({ program: program(`${mounts}${command}\n`), env: world.env });
      try {
        const running = workspace.start(["up", "--yes", "--skip-preview"]);
        if (end !== undefined) await running.until("building (");
        if (end !== undefined) assert.equal(parked().length, 2, "they wait for the build");
        if (end === "SIGINT") running.process.kill(end);
        if (end === "SIGKILL")
          for (const pid of run("pgrep", ["-P", String(running.process.pid), "-f", "plugin.mjs"])
            .trim()
            .split("\n"))
            process.kill(Number(pid), end);
        assert.notEqual((await running.done).code, 0);
        if (end === "SIGKILL") {
          assert.equal(parked().length, 2, "nobody was left to take them away");
          await workspace.pulumi(up);
          assert.equal((await workspace.outputs())["outcome"], "adopted");
        }
        assert.deepEqual(parked(), [], command);
      } finally {
        workspace.close();
      }
    }
  });

  it("that do not exist fail the build before its first command, and say which", async () => {
    const folder = program(mounts + "true\n", {
      secrets: { whole: { secretsManager: "nowhere" }, field: { parameterStore: "x" }, "a.key": { parameterStore: "x" } },
    });
    const workspace = await createWorkspace({ program: folder, env: world.env });
    try {
      const { output } = await workspace.pulumi(up, 1);
      assert.ok(output.includes("PARAMETER_STORE_ERROR") || output.includes("SECRETS_MANAGER_ERROR"), output);
      assert.ok(/Parameter does not exist: x|can't find the specified secret: nowhere/.test(output), output);
    } finally {
      workspace.close();
    }
  });
});
