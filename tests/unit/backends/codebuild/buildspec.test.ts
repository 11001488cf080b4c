import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { parse } from "yaml";
import { buildspec, contentFlags } from "../../../../provider/src/backends/codebuild/buildspec.ts";
import { shellQuote } from "../../../../provider/src/backends/codebuild/shell-quote.ts";
import type { BuildRequest } from "../../../../provider/src/build/build-request.ts";
import { buildRequest } from "../../../support/build-request.ts";
import { assertGolden } from "../../../support/golden.ts";

interface Spec {
  readonly version: number;
  readonly env: { readonly "exported-variables": string[] };
  readonly phases: Record<string, { readonly commands: string[] }>;
}

const archive = { kind: "archive", object: { bucket: "contexts", key: "cloudbuild/contexts/aaaa.tar.gz" } } as const;

describe("buildspec", () => {
  it("is the golden text for a plain image", () => assertGolden("buildspec/plain.yml", buildspec(buildRequest())));

  it("is the golden text for a context that holds its Dockerfile: the archive goes to BuildKit as it is", () =>
    assertGolden("buildspec/piped.yml", buildspec(buildRequest({ dockerfile: { kind: "inContext", path: "deploy/app.Dockerfile" } }))));

  it("takes the Dockerfile out of a context that was put together", () => {
    const context = { ...archive, assembly: { baseKey: "a/base.tar.gz", deltaKeys: ["a/delta.tar.gz"], treeDigest: "0".repeat(64) } };
    const spec = parse(buildspec(buildRequest({ context, dockerfile: { kind: "inContext", path: "Dockerfile" } }))) as Spec;
    const commands = spec.phases["build"]?.commands ?? [];
    const copied = commands.indexOf('cp "$CLOUDBUILD_WORK/context"/Dockerfile "$CLOUDBUILD_WORK/dockerfile/Dockerfile"');
    assert.ok(copied > 0);
    assert.equal(commands[copied + 1], ': > "$CLOUDBUILD_WORK/dockerfile/Dockerfile.dockerignore"');
    assert.ok(commands[copied + 2]?.endsWith('--file "$CLOUDBUILD_WORK/dockerfile/Dockerfile" "$CLOUDBUILD_WORK/context"'));
  });

  it("is the golden text for an image with everything", () => {
    const request = buildRequest({
      target: "runtime",
      platform: { os: "linux", architecture: "arm64" },
      buildArgs: { VERSION: "1.2.3", MESSAGE: `it's "$(id)" \`id\` \\ ; & | > *\nsecond line`, EMPTY: "" },
      labels: { "org.opencontainers.image.title": "an app" },
      secrets: {
        token: { store: "secretsManager", reference: "team/app:token" },
        "npm.rc": { store: "parameterStore", reference: "/team/npmrc" },
      },
    });
    assertGolden("buildspec/everything.yml", buildspec(request));
  });

  it("is the golden text for named contexts beside a commit whose Dockerfile is ours", () => {
    const shipped = (key: string) => ({
      kind: "archive" as const,
      object: { bucket: "contexts", key: `cloudbuild/contexts/${key}.tar.gz` },
    });
    const request = buildRequest({
      context: { kind: "git", url: "https://host/app.git#c0ffee:sub dir" },
      contexts: {
        zeta: shipped("zeta"),
        "al:pha": shipped("alpha"),
        base: { kind: "image", reference: "host/base@sha256:00" },
        lib: { kind: "git", url: "https://host/lib.git#c0ffee" },
      },
    });
    assertGolden("buildspec/sources.yml", buildspec(request));
  });

  it("adds a fixed time where the image is to be reproducible, which a build arg of the user's own wins over", () => {
    const flags = (overrides: Partial<BuildRequest>) => contentFlags(buildRequest({ reproducible: true, ...overrides }));
    const fixed = "--platform linux/amd64 --output type=image,rewrite-timestamp=true --build-arg SOURCE_DATE_EPOCH=";
    assert.equal(flags({}), `${fixed}315532800`);
    assert.equal(flags({ buildArgs: { SOURCE_DATE_EPOCH: "7" } }), `${fixed}7`);
    assert.equal(contentFlags(buildRequest()), "--platform linux/amd64");
  });

  it("exports only variables that begin with CLOUDBUILD_", () => {
    const spec = parse(buildspec(buildRequest())) as Spec;
    assert.deepEqual(spec.env["exported-variables"], ["CLOUDBUILD_DIGEST"]);
  });

  it("hands every build argument to the shell byte for byte", () => {
    const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
    fc.assert(
      fc.property(text, (value) => {
        const spec = parse(buildspec(buildRequest({ buildArgs: { A: value } }))) as Spec;
        const command = spec.phases["build"]?.commands.find((line) => line.startsWith("docker buildx build"));
        const printed = execFileSync("sh", ["-c", `docker() { printf '%s\\0' "$@"; }\n${command}`], { env: { CLOUDBUILD_WORK: "/w" } });
        const words = printed.toString("utf8").split("\0");
        assert.equal(words[words.indexOf("--build-arg") + 1], `A=${Buffer.from(value, "utf8").toString("utf8")}`);
      }),
      { numRuns: 150 },
    );
  });

  it("reads the digest out of buildx's metadata file", () => {
    const spec = parse(buildspec(buildRequest())) as Spec;
    const digest = `sha256:${"ab".repeat(32)}`;
    const line = spec.phases["build"]?.commands.find((command) => command.startsWith("CLOUDBUILD_DIGEST="));
    const metadata = JSON.stringify(
      { "containerimage.config.digest": `sha256:${"cd".repeat(32)}`, "containerimage.digest": digest },
      null,
      2,
    );
    const script = `dir="$(mktemp -d)"; CLOUDBUILD_WORK="$dir"; cat > "$dir/metadata.json"; ${line}; printf %s "$CLOUDBUILD_DIGEST"; rm -r "$dir"`;
    assert.equal(execFileSync("sh", ["-c", script], { input: metadata }).toString(), digest);
  });
});

describe("shellQuote", () => {
  for (const [text, quoted] of [
    ["plain-1.2/x:y@z", "plain-1.2/x:y@z"],
    ["", "''"],
    ["two words", "'two words'"],
    ["it's", `'it'\\''s'`],
    ["$HOME `id`", "'$HOME `id`'"],
  ] as const) {
    it(`quotes ${JSON.stringify(text)}`, () => assert.equal(shellQuote(text), quoted));
  }
});
