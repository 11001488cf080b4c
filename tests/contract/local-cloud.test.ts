import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContextReader } from "../../provider/src/context/files/context-reader.ts";
import { root, run, startCloudProcess, type CloudProcess } from "../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";
import { startWorld, type LocalWorld } from "../support/local-world.ts";
import { recordedOperation } from "../support/operation.ts";

interface Build {
  readonly id: string;
  readonly buildStatus: string;
  readonly currentPhase: string;
  readonly phases: readonly { phaseType: string; phaseStatus?: string; contexts: readonly { statusCode: string; message: string }[] }[];
  readonly exportedEnvironmentVariables: readonly { name: string; value: string }[];
  readonly logs: { readonly groupName?: string; readonly streamName?: string };
}

/** The aws CLI as a user calls it, with nothing but the env the local cloud printed. */
function awsOf({ env }: Pick<CloudProcess, "env">) {
  return (...args: string[]): unknown => {
    const output = run("aws", [...args, "--output", "json"], env);
    return output.trim() === "" ? {} : JSON.parse(output);
  };
}

/** How the aws CLI names a failure: `An error occurred (Code) when calling …`. */
function errorOf({ env }: Pick<CloudProcess, "env">, ...args: string[]): string {
  const { stderr } = spawnSync("aws", args, { env: { ...process.env, ...env, AWS_MAX_ATTEMPTS: "1" }, encoding: "utf8" });
  return /\(([A-Za-z0-9]+)\)/.exec(stderr)?.[1] ?? stderr;
}

describe("the local cloud", () => {
  let world: LocalWorld;
  let aws: ReturnType<typeof awsOf>;
  before(async () => {
    world = await startWorld();
    aws = awsOf(world);
  });
  after(async () => {
    await world.stop();
    removeFolders();
  });
  afterEach(() => world.setFaults([]));

  function startBuild(buildspec: string, ...more: string[]): string {
    const { build } = aws("codebuild", "start-build", "--project-name", world.project, "--buildspec-override", buildspec, ...more) as {
      build: Build;
    };
    assert.equal(build.buildStatus, "IN_PROGRESS");
    return build.id;
  }

  function read(id: string): Build {
    const { builds } = aws("codebuild", "batch-get-builds", "--ids", id) as { builds: Build[] };
    assert.ok(builds[0]);
    return builds[0];
  }

  async function ended(id: string): Promise<Build> {
    for (let tries = 0; tries < 60; tries += 1) {
      const build = read(id);
      if (build.buildStatus !== "IN_PROGRESS") return build;
    }
    return assert.fail(`${id} does not end`);
  }

  const logOf = (build: Build): string[] => {
    const { events } = aws(
      "logs",
      "get-log-events",
      "--log-group-name",
      build.logs.groupName ?? "",
      "--log-stream-name",
      build.logs.streamName ?? "",
      "--start-from-head",
    ) as {
      events: { message: string }[];
    };
    return events.map(({ message }) => message.trimEnd());
  };
  const said = (build: Build): string[] => logOf(build).filter((line) => !line.startsWith("[Container]"));
  const phasesOf = (build: Build): Record<string, string | undefined> =>
    Object.fromEntries(build.phases.map(({ phaseType, phaseStatus }) => [phaseType, phaseStatus]));

  describe("CodeBuild, by the aws CLI", () => {
    it("runs the phases of a buildspec in one shell, with its variables, and exports what it is asked to", async () => {
      const build = await ended(
        startBuild(
          `version: 0.2
env:
  variables: { FROM_SPEC: spec, OVERRIDDEN: spec }
  exported-variables: [RESULT, UNSET]
phases:
  install: { commands: ["export RESULT=first; cd /tmp"] }
  build:
    commands:
      - echo "$FROM_SPEC $OVERRIDDEN $(pwd)"
      - RESULT="second; it's"; export RESULT
    finally: ["echo at last"]
  post_build: { commands: ["echo $CODEBUILD_BUILD_SUCCEEDING $CODEBUILD_BUILD_ID"] }
`,
          "--environment-variables-override",
          "name=OVERRIDDEN,value=request",
        ),
      );
      assert.equal(build.buildStatus, "SUCCEEDED");
      assert.deepEqual(build.exportedEnvironmentVariables, [{ name: "RESULT", value: "second; it's" }]);
      assert.deepEqual(said(build), ["spec request /tmp", "at last", `1 ${build.id}`]);
      assert.equal(build.currentPhase, "COMPLETED");
      assert.deepEqual(
        build.phases.map(({ phaseType }) => phaseType),
        [
          "SUBMITTED",
          "QUEUED",
          "PROVISIONING",
          "DOWNLOAD_SOURCE",
          "INSTALL",
          "PRE_BUILD",
          "BUILD",
          "POST_BUILD",
          "UPLOAD_ARTIFACTS",
          "FINALIZING",
          "COMPLETED",
        ],
      );
    });

    it("ends a phase at the first command that fails, runs finally and post_build, and says which command it was", async () => {
      const build = await ended(
        startBuild(
          `version: 0.2
phases:
  build: { commands: ["echo one", "(exit 5)", "echo never"], finally: ["echo at last"] }
  post_build: { commands: ["echo after $CODEBUILD_BUILD_SUCCEEDING"] }
`,
        ),
      );
      assert.equal(build.buildStatus, "FAILED");
      assert.deepEqual(said(build), ["one", "at last", "after 0"]);
      const failed = build.phases.find(({ phaseType }) => phaseType === "BUILD");
      assert.deepEqual(failed?.contexts, [
        { statusCode: "COMMAND_EXECUTION_ERROR", message: "Error while executing command: (exit 5). Reason: exit status 5" },
      ]);
    });

    it("ends the build when pre_build fails, unless on-failure says CONTINUE", async () => {
      const spec = (reaction: string) =>
        `version: 0.2\nphases:\n  pre_build: { on-failure: ${reaction}, commands: ["false"] }\n  build: { commands: ["echo built"] }\n`;
      const [aborted, continued] = await Promise.all([ended(startBuild(spec("ABORT"))), ended(startBuild(spec("CONTINUE")))]);
      assert.equal(phasesOf(aborted)["BUILD"], undefined);
      assert.equal(phasesOf(continued)["BUILD"], "SUCCEEDED");
      assert.deepEqual([aborted.buildStatus, continued.buildStatus], ["FAILED", "FAILED"]);
    });

    it("gives each build a home of its own, and takes everything away after it", async () => {
      const spec = `version: 0.2\nphases: { build: { commands: ["ls -A ~ | grep -v '^\\\\.docker$' || true", "touch ~/trace", "echo $HOME"] } }\n`;
      const [one, two] = [await ended(startBuild(spec)), await ended(startBuild(spec))];
      const homes = [one, two].map((build) => said(build));
      assert.deepEqual(
        homes.map((lines) => lines.length),
        [1, 1],
        JSON.stringify(homes),
      );
      assert.notEqual(homes[0]?.[0], homes[1]?.[0]);
      assert.equal(existsSync(homes[0]?.[0] ?? "/"), false);
    });

    it("brings sources: a zip unpacked, a folder, any other file as it is", async () => {
      const folder = makeFolder({ "a.txt": "zipped", "plain.tar.gz": "as it is" });
      execFileSync("python3", ["-m", "zipfile", "-c", join(folder, "src.zip"), join(folder, "a.txt")]);
      for (const name of ["src.zip", "plain.tar.gz", "a.txt"])
        aws("s3api", "put-object", "--bucket", world.bucket, "--key", `source/${name}`, "--body", join(folder, name));
      const build = await ended(
        startBuild(
          `version: 0.2\nphases: { build: { commands: ["cat a.txt; echo", "cat $CODEBUILD_SRC_DIR_second/plain.tar.gz; echo", "ls $CODEBUILD_SRC_DIR_third"] } }\n`,
          "--source-type-override",
          "S3",
          "--source-location-override",
          `${world.bucket}/source/src.zip`,
          "--secondary-sources-override",
          `type=S3,location=${world.bucket}/source/plain.tar.gz,sourceIdentifier=second`,
          `type=S3,location=${world.bucket}/source/,sourceIdentifier=third`,
        ),
      );
      assert.deepEqual(said(build), ["zipped", "as it is", "a.txt", "plain.tar.gz", "src.zip"]);
    });

    it("fails in DOWNLOAD_SOURCE for a source that is not there, and for a buildspec that is none", async () => {
      const missing = await ended(
        startBuild("version: 0.2", "--source-type-override", "S3", "--source-location-override", `${world.bucket}/nowhere.zip`),
      );
      const broken = await ended(startBuild("version: 0.2\nphases: { deploy: {} }"));
      const context = (build: Build) => build.phases.find(({ phaseType }) => phaseType === "DOWNLOAD_SOURCE")?.contexts[0];
      assert.equal(context(missing)?.statusCode, "CLIENT_ERROR");
      assert.match(context(missing)?.message ?? "", /NoSuchKey/);
      assert.equal(context(broken)?.statusCode, "YAML_FILE_ERROR");
    });

    it("stops the whole process group", async () => {
      const id = startBuild(`version: 0.2\nphases: { build: { commands: ["sleep 321 & sleep 321"] } }\n`);
      while (read(id).currentPhase !== "BUILD");
      const { build } = aws("codebuild", "stop-build", "--id", id) as { build: Build };
      assert.equal(build.buildStatus, "STOPPED");
      assert.throws(() => execFileSync("pgrep", ["-f", "sleep 321"]));
      assert.equal((aws("codebuild", "stop-build", "--id", id) as { build: Build }).build.buildStatus, "STOPPED");
    });

    it("writes the log while the build runs", async () => {
      const id = startBuild(`version: 0.2\nphases: { build: { commands: ["echo early", "sleep 30"] } }\n`);
      let build = read(id);
      while (build.currentPhase !== "BUILD") build = read(id);
      for (let tries = 0; !said(build).includes("early") && tries < 10; tries += 1);
      assert.ok(said(build).includes("early"));
      assert.equal(read(id).buildStatus, "IN_PROGRESS");
      aws("codebuild", "stop-build", "--id", id);
    });

    it("ends a build whose time is up", async () => {
      const headers = { "x-amz-target": "CodeBuild_20161006.CreateProject" };
      // Shorter than the aws CLI lets anybody ask for.
      const body = JSON.stringify({ name: "hasty", source: { type: "NO_SOURCE" }, environment: {}, timeoutInMinutes: 0.01 });
      assert.equal((await fetch(world.endpoint, { method: "POST", headers, body })).status, 200);
      const spec = 'version: 0.2\nphases: { build: { commands: ["sleep 99"] } }';
      const { build } = aws("codebuild", "start-build", "--project-name", "hasty", "--buildspec-override", spec) as { build: Build };
      const over = await ended(build.id);
      assert.equal(over.buildStatus, "TIMED_OUT");
      assert.equal(over.phases.find(({ phaseStatus }) => phaseStatus === "TIMED_OUT")?.contexts[0]?.statusCode, "BUILD_TIMED_OUT");
      aws("codebuild", "delete-project", "--name", "hasty");
    });

    it("answers one token with one build, and another request under it with an error", () => {
      const spec = 'version: 0.2\nphases: { build: { commands: ["true"] } }\n';
      const token = ["--idempotency-token", randomBytes(16).toString("hex")];
      const first = aws("codebuild", "start-build", "--project-name", world.project, "--buildspec-override", spec, ...token) as {
        build: Build;
      };
      const second = aws("codebuild", "start-build", "--project-name", world.project, "--buildspec-override", spec, ...token) as {
        build: Build;
      };
      assert.equal(first.build.id, second.build.id);
      assert.equal(
        errorOf(world, "codebuild", "start-build", "--project-name", world.project, "--buildspec-override", "version: 0.2", ...token),
        "InvalidInputException",
      );
    });

    it("answers errors as AWS does", () => {
      assert.equal(errorOf(world, "codebuild", "start-build", "--project-name", "nowhere"), "ResourceNotFoundException");
      assert.equal(errorOf(world, "codebuild", "list-builds-for-project", "--project-name", "nowhere"), "ResourceNotFoundException");
      assert.equal(errorOf(world, "codebuild", "stop-build", "--id", "a:b"), "ResourceNotFoundException");
      assert.equal(
        errorOf(world, "codebuild", "start-build", "--project-name", world.project, "--timeout-in-minutes-override", "3000"),
        "InvalidInputException",
      );
      assert.equal(
        errorOf(world, "codebuild", "start-build", "--project-name", world.project, "--debug-session-enabled"),
        "InvalidInputException",
      );
      assert.deepEqual(aws("codebuild", "batch-get-builds", "--ids", "a:b"), { builds: [], buildsNotFound: ["a:b"] });
      assert.deepEqual(aws("codebuild", "batch-get-projects", "--names", "nowhere"), { projects: [], projectsNotFound: ["nowhere"] });
    });

    it("makes, changes and forgets projects", () => {
      const args = [
        "--source",
        "type=NO_SOURCE,buildspec=x",
        "--artifacts",
        "type=NO_ARTIFACTS",
        "--service-role",
        "arn:aws:iam::000000000000:role/x",
      ];
      const environment = ["--environment", "type=LINUX_CONTAINER,image=x,computeType=BUILD_GENERAL1_SMALL"];
      aws("codebuild", "create-project", "--name", "other", ...args, ...environment);
      assert.equal(
        errorOf(world, "codebuild", "create-project", "--name", "other", ...args, ...environment),
        "ResourceAlreadyExistsException",
      );
      aws("codebuild", "update-project", "--name", "other", "--timeout-in-minutes", "7");
      const { projects } = aws("codebuild", "batch-get-projects", "--names", "other") as { projects: { timeoutInMinutes: number }[] };
      assert.equal(projects[0]?.timeoutInMinutes, 7);
      aws("codebuild", "delete-project", "--name", "other");
      assert.deepEqual(aws("codebuild", "list-projects"), { projects: [world.project] });
    });
  });

  describe("S3, by the aws CLI", () => {
    it("keeps objects of any size, byte for byte, in one piece and in parts", () => {
      const folder = makeFolder({ small: "x", big: randomBytes(20_000_001) });
      for (const name of ["small", "big"]) {
        run("aws", ["s3", "cp", "--no-progress", join(folder, name), `s3://${world.bucket}/it's a/ü ${name}`], world.env);
        run("aws", ["s3", "cp", "--no-progress", `s3://${world.bucket}/it's a/ü ${name}`, join(folder, `${name}-back`)], world.env);
        assert.ok(readFileSync(join(folder, name)).equals(readFileSync(join(folder, `${name}-back`))));
      }
      assert.match(run("aws", ["s3", "ls", `s3://${world.bucket}/it's a/`], world.env), /20000001 ü big\n.* 1 ü small/s);
      assert.match(run("aws", ["s3", "ls", `s3://${world.bucket}`], world.env), /PRE it's a\//);
      run("aws", ["s3", "rm", "--recursive", `s3://${world.bucket}/it's a/`], world.env);
      assert.equal(errorOf(world, "s3api", "head-object", "--bucket", world.bucket, "--key", "it's a/ü big"), "404");
    });

    it("refuses to overwrite what must not be there, and what does not match its checksum", () => {
      const folder = makeFolder({ body: "one" });
      const put = ["s3api", "put-object", "--bucket", world.bucket, "--key", "once", "--body", join(folder, "body")];
      aws(...put, "--if-none-match", "*");
      assert.equal(errorOf(world, ...put, "--if-none-match", "*"), "PreconditionFailed");
      assert.equal(errorOf(world, ...put, "--checksum-sha256", Buffer.alloc(32).toString("base64")), "BadDigest");
    });

    it("answers errors as S3 does", () => {
      assert.equal(errorOf(world, "s3api", "get-object", "--bucket", world.bucket, "--key", "nowhere", "/dev/null"), "NoSuchKey");
      assert.equal(errorOf(world, "s3api", "list-objects-v2", "--bucket", "nowhere-at-all"), "NoSuchBucket");
      assert.equal(errorOf(world, "s3api", "get-bucket-policy", "--bucket", world.bucket), "NotImplemented");
    });
  });

  it("speaks to boto3 with nothing but its env", () => {
    const script = `
import boto3, json
print(json.dumps({
  "account": boto3.client("sts").get_caller_identity()["Account"],
  "repositories": sorted(r["repositoryName"] for r in boto3.client("ecr").describe_repositories()["repositories"]),
  "buckets": [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]],
  "projects": boto3.client("codebuild").list_projects()["projects"],
  "role": boto3.client("sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/x", RoleSessionName="me")["AssumedRoleUser"]["Arn"],
}))`;
    assert.deepEqual(JSON.parse(run("python-boto3", ["-c", script], world.env)), {
      account: "000000000000",
      repositories: ["app", "base"],
      buckets: [world.bucket],
      projects: [world.project],
      role: "arn:aws:sts::000000000000:assumed-role/x/me",
    });
  });

  it("lets docker sign in, and nobody in with another password", () => {
    const config = makeFolder();
    const login = (password: string) =>
      spawnSync("docker", ["login", "-u", "AWS", "--password-stdin", world.registry], {
        input: password,
        env: { ...process.env, DOCKER_CONFIG: config },
        encoding: "utf8",
      });
    assert.equal(login(run("aws", ["ecr", "get-login-password"], world.env)).status, 0);
    assert.notEqual(login("wrong").status, 0);
  });

  it("shows crane the same images as ECR, and both the same errors for what is not there", () => {
    world.crane("copy", world.base, `${world.repositoryUrl}:copied`);
    const digest = world.crane("digest", `${world.repositoryUrl}:copied`).trim();
    const { imageDetails } = aws("ecr", "describe-images", "--repository-name", "app", "--image-ids", "imageTag=copied") as {
      imageDetails: { imageDigest: string; imageSizeInBytes: number }[];
    };
    assert.equal(imageDetails[0]?.imageDigest, digest);
    assert.ok(imageDetails[0].imageSizeInBytes > 100_000);
    assert.ok(world.crane("ls", world.repositoryUrl).includes("copied"));
    assert.equal(
      errorOf(world, "ecr", "describe-images", "--repository-name", "app", "--image-ids", "imageTag=nowhere"),
      "ImageNotFoundException",
    );
    assert.equal(errorOf(world, "ecr", "describe-images", "--repository-name", "nowhere"), "RepositoryNotFoundException");
    assert.throws(() => world.crane("copy", world.base, `${world.registry}/nowhere:x`), /NAME_UNKNOWN/);
  });

  it("lists a repository page by page", () => {
    for (const i of [1, 2, 3]) world.crane("mutate", world.base, "--label", `page=${i}`, "-t", `${world.repositoryUrl}:page-${i}`);
    const names = ["--repository-name", "app", "--no-paginate"];
    type Page = { imageDetails?: { imageDigest: string }[]; imageIds?: { imageTag: string }[]; nextToken?: string };
    const all = aws("ecr", "describe-images", ...names) as Page;
    const first = aws("ecr", "describe-images", ...names, "--max-results", "2") as Page;
    assert.equal(first.imageDetails?.length, 2);
    const rest = aws("ecr", "describe-images", ...names, "--max-results", "1000", "--next-token", first.nextToken ?? "") as Page;
    assert.equal(rest.nextToken, undefined);
    assert.deepEqual([...(first.imageDetails ?? []), ...(rest.imageDetails ?? [])], all.imageDetails);
    const tags = aws("ecr", "list-images", ...names, "--max-results", "1") as Page;
    assert.equal(tags.imageIds?.length, 1);
    assert.ok(tags.nextToken);
    assert.equal(errorOf(world, "ecr", "describe-images", ...names, "--max-results", "1001"), "InvalidParameterException");
  });

  it("answers an operation it does not have with an AWS error, and counts it", async () => {
    await world.resetCalls();
    assert.equal(errorOf(world, "codebuild", "list-fleets"), "UnknownOperationException");
    assert.equal(errorOf(world, "sts", "get-session-token"), "InvalidAction");
    assert.notEqual(spawnSync("aws", ["sqs", "list-queues"], { env: { ...process.env, ...world.env, AWS_MAX_ATTEMPTS: "1" } }).status, 0);
    const counted = Object.keys(await world.calls());
    assert.ok(counted.includes("codebuild:ListFleets") && counted.includes("sts:GetSessionToken"), counted.join());
  });

  it("fails on purpose when it is told to", async () => {
    await world.setFaults([{ call: "codebuild:ListProjects", times: 1, error: { code: "AccessDeniedException", message: "no" } }]);
    assert.equal(errorOf(world, "codebuild", "list-projects"), "AccessDeniedException");
    aws("codebuild", "list-projects");
    await assert.rejects(world.setFaults([{ bogus: 1 }]), /expected a fault/);
  });

  it("says what is missing where nothing can build", async () => {
    const folder = makeFolder();
    for (const program of ["node", "docker", "docker-buildx", "aws"]) {
      symlinkSync(run("sh", ["-c", `command -v ${program}`]).trim(), join(folder, program));
    }
    const poor = await startCloudProcess([], { PATH: `${folder}:/usr/bin:/bin`, DOCKER_HOST: "tcp://127.0.0.1:1" });
    try {
      const { build } = awsOf(poor)("codebuild", "start-build", "--project-name", poor.project, "--buildspec-override", "version: 0.2") as {
        build: Build;
      };
      let over = build;
      while (over.buildStatus === "IN_PROGRESS") {
        [over = build] = (awsOf(poor)("codebuild", "batch-get-builds", "--ids", build.id) as { builds: Build[] }).builds;
      }
      const [context] = over.phases.find(({ phaseType }) => phaseType === "PROVISIONING")?.contexts ?? [];
      assert.match(
        context?.message ?? "",
        /nothing on this machine can build: buildkitd is not on PATH, and its Docker cannot run a builder/,
      );
    } finally {
      await poor.stop();
    }
  });

  it("survives a restart with its port, its images, objects and logs; what ran is a fault", async () => {
    const state = join(makeFolder(), "state");
    const first = await startCloudProcess(["--state", state, "--repository", "kept", "--account", "123456789012", "--region", "eu-west-1"]);
    run("aws", ["s3", "cp", "--no-progress", join(root, "LICENSE"), `s3://${first.bucket}/LICENSE`], first.env);
    const start = ["codebuild", "start-build", "--project-name", first.project, "--buildspec-override"];
    const { build } = awsOf(first)(...start, 'version: 0.2\nphases: { build: { commands: ["echo hello", "sleep 100"] } }\n') as {
      build: Build;
    };
    const get = (cloud: CloudProcess): Build | undefined =>
      (awsOf(cloud)("codebuild", "batch-get-builds", "--ids", build.id) as { builds: Build[] }).builds[0];
    while (get(first)?.currentPhase !== "BUILD");
    await first.stop("SIGKILL");

    const second = await startCloudProcess(["--state", state]);
    try {
      const { repositories, ...rest } = { ...second, pid: 0 };
      assert.deepEqual([rest.endpoint, rest.accountId, rest.region], [first.endpoint, "123456789012", "eu-west-1"]);
      assert.deepEqual(Object.keys(repositories), ["kept"]);
      assert.equal(
        run("aws", ["s3", "cp", "--no-progress", `s3://${first.bucket}/LICENSE`, "-"], second.env),
        readFileSync(join(root, "LICENSE"), "utf8"),
      );
      const interrupted = get(second);
      assert.equal(interrupted?.buildStatus, "FAULT");
      assert.deepEqual(get(second), interrupted, "a read changes nothing");
      const other = spawnSync(join(root, "provider/bin/cloudbuild"), ["local", "--state", state], { encoding: "utf8" });
      assert.equal(other.status, 1);
      assert.match(other.stderr, /is in use by process \d+/);
    } finally {
      await second.stop();
      execFileSync("sh", ["-c", "pkill -f '[s]leep 100' || true"]);
    }
  });

  it("stands beside another one without disturbing it, both building", async () => {
    const other = await startWorld();
    try {
      const spec = (at: LocalWorld) => `version: 0.2
phases: { build: { commands: ["printf 'FROM ${at.base}\\\\nRUN echo ${at.registry} > /who\\\\n' > Dockerfile", "aws ecr get-login-password | docker login -u AWS --password-stdin ${at.registry}", "docker buildx build --push --provenance=false -t ${at.repositoryUrl}:side ."] } }
`;
      const begin = (at: LocalWorld) =>
        (awsOf(at)("codebuild", "start-build", "--project-name", at.project, "--buildspec-override", spec(at)) as { build: Build }).build
          .id;
      const ids = [begin(world), begin(other)];
      assert.equal((await ended(ids[0] ?? "")).buildStatus, "SUCCEEDED");
      for (let tries = 0; tries < 30; tries += 1) {
        const { builds } = awsOf(other)("codebuild", "batch-get-builds", "--ids", ids[1] ?? "") as { builds: Build[] };
        if (builds[0]?.buildStatus !== "IN_PROGRESS") break;
      }
      for (const at of [world, other]) assert.ok(at.crane("export", `${at.repositoryUrl}:side`, "-").includes(at.registry));
    } finally {
      await other.stop();
    }
  });
});

describe("cloudbuild, the command line", () => {
  after(removeFolders);
  const cloudbuild = (args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) =>
    spawnSync(join(root, "provider/bin/cloudbuild"), args, { encoding: "utf8", ...options });

  it("runs a command inside a local cloud, with its env and its exit code", () => {
    const script = 'aws s3 ls && test -n "$CLOUDBUILD_LOCAL" && exit 7';
    const { status, stdout, stderr } = cloudbuild(["local", "exec", "--bucket", "some-bucket", "--", "sh", "-c", script]);
    assert.equal(status, 7, stderr);
    assert.match(stdout, /some-bucket/);
    assert.equal(cloudbuild(["local", "exec", "--", "no-such-program"]).status, 127);
  });

  it("outlives its command on Ctrl-C", async () => {
    const folder = makeFolder();
    const script = `trap 'aws s3 ls > ${folder}/after && exit 3' INT; touch ${folder}/ready; while :; do sleep 0.1; done`;
    const child = spawn(join(root, "provider/bin/cloudbuild"), ["local", "exec", "--", "sh", "-c", script], {
      detached: true,
      stdio: "ignore",
    });
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    while (!existsSync(join(folder, "ready"))) await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(-(child.pid ?? 0), "SIGINT");
    assert.equal(await exited, 3);
    assert.match(readFileSync(join(folder, "after"), "utf8"), /cloudbuild-contexts/);
  });

  it("refuses arguments that are wrong, with its usage", () => {
    for (const args of [
      ["local", "--port", "x"],
      ["local", "--account", "1"],
      ["local", "--bogus"],
      ["local", "exec"],
      ["local", "--", "x"],
      ["bogus"],
      [],
      ["context", "ls"],
    ]) {
      const { status, stderr } = cloudbuild(args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, /usage:/);
    }
    for (const args of [["--help"], ["local", "--help"], ["context", "--help"]]) assert.equal(cloudbuild(args).status, 0);
  });

  it("lists a context as Docker would see it", () => {
    const cwd = makeFolder({ "app/.dockerignore": "*.log\n", "app/x.log": "", "app/a/b": "", "app/a-b": "", "app/a.txt": "" });
    assert.equal(cloudbuild(["context", "ls", "app"], { cwd }).stdout, ".dockerignore\na-b\na.txt\na/\na/b\n");
    writeFileSync(join(cwd, "other.dockerignore"), "a*\n");
    assert.equal(cloudbuild(["context", "ls", "app", "-f", "other"], { cwd }).stdout, ".dockerignore\nx.log\n");
    writeFileSync(join(cwd, "app/.dockerignore"), "ok\n[\n");
    const { status, stderr } = cloudbuild(["context", "ls", "app"], { cwd });
    assert.equal(status, 2);
    assert.match(stderr, /\.dockerignore line 2/);
    assert.equal(cloudbuild(["context", "ls", "nowhere"], { cwd }).status, 2);
  });

  it("prints the hash of a context, and keeps what it read unless it is told not to", async () => {
    const cwd = makeFolder({ "app/Dockerfile": "FROM scratch\n", "app/a": "1" });
    const home = makeFolder();
    const env = { ...process.env, XDG_CACHE_HOME: home };
    const hash = (...flags: string[]) => cloudbuild(["context", "hash", "app", ...flags], { cwd, env }).stdout;
    const { contextHash } = await createContextReader().resolve({ context: "app", baseDir: cwd }, recordedOperation());
    const kept = join(home, "pulumi-cloudbuild/contexts");
    assert.equal(hash("--no-cache"), `${contextHash}\n`);
    assert.equal(existsSync(kept), false);
    assert.equal(hash(), `${contextHash}\n`);
    assert.equal(readdirSync(kept).filter((name) => name.endsWith(".stat")).length, 1);
    assert.equal(hash("-f", "app/a"), "", "it is no Dockerfile");
  });
});
