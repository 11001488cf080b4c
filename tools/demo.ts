// `make demo`: the quickstart against the local cloud, by the real Pulumi CLI, with the plugin installed from its archive.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pushBaseImage } from "../tests/support/base-image.ts";
import { signInWithCrane, startCloudProcess } from "../tests/support/cloud-process.ts";
import { createWorkspace, installPlugin } from "../tests/support/pulumi-workspace.ts";

const startedAt = performance.now();
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

function expect(claim: boolean, what: string): void {
  if (!claim) throw new Error(`the demo expected ${what}`);
  print(`      ✓ ${what}`);
}

/** The lines of Pulumi's output that say what happened. */
function essence(output: string): string[] {
  return output
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) =>
      /^ [+~-]  \S+ \S+ (?:created|updated|deleted|update|create|delete)\b|^\s*[~+]? ?\s*(?:contextHash|digest|imageUri|outcome)\s*:|^ {4}\d+ unchanged$/.test(
        line,
      ),
    );
}

const cloud = await startCloudProcess(["--repository", "app", "--repository", "base"]);
const { crane, close } = signInWithCrane(cloud);
const base = pushBaseImage(crane, cloud.repositories["base"] ?? "");
const repositoryUrl = cloud.repositories["app"] ?? "";
const config = { repositoryUrl, baseImage: base, project: cloud.project, contextBucket: cloud.bucket };
const workspace = await createWorkspace({ program: "quickstart", env: cloud.env, config });

async function step(title: string, command: readonly string[]): Promise<{ output: string; calls: Readonly<Record<string, number>> }> {
  await cloud.resetCalls();
  const ran = await workspace.pulumi(command);
  print(`\n  ${title}`);
  print(`    $ pulumi ${command[0]}    ${seconds(ran.ms)}`);
  for (const line of essence(ran.output)) print(`      ${line}`);
  return { output: ran.output, calls: await cloud.calls() };
}

const up = ["up", "--yes", "--skip-preview", "--suppress-progress"];
const digestNow = async (): Promise<string> => String((await workspace.outputs())["digest"]);
const outcomeNow = async (): Promise<string> => String((await workspace.outputs())["outcome"]);
const builds = (calls: Readonly<Record<string, number>>): number => calls["codebuild:StartBuild"] ?? 0;

let failed = false;
try {
  installPlugin(workspace);
  print(
    `A local cloud serves CodeBuild, ECR and S3 at ${cloud.endpoint}; the plugin is installed. Ready after ${seconds(performance.now() - startedAt)}.`,
  );

  const first = await step("The first up builds the image.", up);
  const digest = await digestNow();
  expect((await outcomeNow()) === "built" && builds(first.calls) === 1, "one build, outcome built");

  const again = await step("Nothing changed: nothing to do.", up);
  const idle = Object.keys(again.calls).filter((call) => /^(?:codebuild|s3|registry):/.test(call));
  expect(idle.length === 0 && (await digestNow()) === digest, "no call to CodeBuild or S3, the same digest");

  const words = join(workspace.folder, "app/words.txt");
  const original = readFileSync(words);
  appendFileSync(words, "zebra\n");
  const preview = await step("A line is added to app/words.txt. The preview shows what it means:", ["preview", "--diff"]);
  expect(/~ contextHash: "[0-9a-f]{64}" => "[0-9a-f]{64}"/.test(preview.output), "the preview shows the context hash change");

  const changed = await step("And up builds the new content.", up);
  expect((await outcomeNow()) === "built" && builds(changed.calls) === 1 && (await digestNow()) !== digest, "one build, another digest");

  writeFileSync(words, original);
  const back = await step("The line is taken back: a rollback.", up);
  expect(
    (await outcomeNow()) === "reused" && builds(back.calls) === 0 && (await digestNow()) === digest,
    "no build, outcome reused, the first digest",
  );

  const { imageUri } = await workspace.outputs();
  const manifest = crane("manifest", String(imageUri));
  print(`\n  crane, a registry client of its own, pulls ${String(imageUri)}`);
  expect(
    `sha256:${createHash("sha256").update(manifest).digest("hex")}` === digest,
    `sha256 of the manifest it gets is the digest Pulumi printed, ${digest}`,
  );

  await step("destroy forgets the image and keeps it in the registry.", ["destroy", "--yes", "--skip-preview", "--suppress-progress"]);
  expect(crane("digest", String(imageUri)).trim() === digest, "the image is still there");
  print(`\nDone in ${seconds(performance.now() - startedAt)}.`);
} catch (error) {
  failed = true;
  print(`\n${error instanceof Error ? error.message : String(error)}`);
} finally {
  workspace.close();
  close();
  await cloud.stop();
}
process.exit(failed ? 1 : 0);
