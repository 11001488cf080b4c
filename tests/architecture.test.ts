import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const root = join(import.meta.dirname, "..");
const provider = join(root, "provider");

interface Import {
  /** Relative to provider/. */
  readonly from: string;
  /** A file, relative to provider/, or a package's name. */
  readonly to: string;
  readonly typeOnly: boolean;
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(provider, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(provider, file), "utf8");
  const found = [
    ...text.matchAll(/^(?:import|export)\s(?<type>type\s)?[^;]*?from\s+"(?<to>[^"]+)"/gm),
    ...text.matchAll(/^import\s+"(?<to>[^"]+)"/gm),
    ...text.matchAll(/\bimport\("(?<to>[^"]+)"\)/g),
  ];
  return found.map(({ groups }) => {
    const to = groups?.["to"] ?? "";
    return {
      from: file,
      to: to.startsWith(".") ? relative(provider, resolve(provider, dirname(file), to)) : to,
      typeOnly: groups?.["type"] !== undefined,
    };
  });
}

const sources = [...filesBelow("src"), ...filesBelow("local-cloud")];
const imports = sources.flatMap(importsOf);
const packages = imports.filter(({ to }) => !to.startsWith("src/") && !to.startsWith("local-cloud/") && !to.startsWith(".."));

/** The rooms, and what each may know of the others. DESIGN §4: straight down, never sideways or up. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  support: ["errors"],
  image: ["errors"],
  context: ["errors", "support"],
  "context/files": ["errors", "support", "context"],
  "context/shipping": ["errors", "support", "context", "context/files"],
  "context/sources": ["errors", "support", "context", "context/files", "context/shipping"],
  build: ["errors", "support", "image"],
  registry: ["errors", "support", "image"],
  "backends/codebuild": ["errors", "support", "image", "build"],
  "resources/image": [
    "errors",
    "support",
    "image",
    "context",
    "context/files",
    "context/shipping",
    "context/sources",
    "build",
    "registry",
    "resources",
  ],
  "resources/provider": ["errors", "support", "image", "resources", "resources/image"],
  resources: ["errors", "support"],
  functions: ["errors", "support", "image", "registry", "resources", "resources/image"],
  rpc: ["errors", "support", "resources"],
};

/** Where each third-party package is at home. Everything else asks that home. */
const homes: Readonly<Record<string, readonly string[]>> = {
  "p-retry": ["src/support/retry.ts"],
  "@aws-sdk/client-codebuild": ["src/backends/codebuild/"],
  "@aws-sdk/client-cloudwatch-logs": ["src/backends/codebuild/"],
  "@aws-sdk/client-ssm": ["src/backends/codebuild/"],
  "@aws-sdk/client-ecr": ["src/registry/"],
  "@aws-sdk/client-s3": ["src/context/shipping/"],
  "@aws-sdk/lib-storage": ["src/context/shipping/"],
  "@aws-sdk/credential-providers": ["src/aws-clients.ts"],
  "@grpc/grpc-js": ["src/rpc/"],
  "@pulumi/pulumi": ["src/rpc/"],
  "google-protobuf": ["src/rpc/"],
  yaml: ["local-cloud/codebuild/buildspec.ts"],
};

/** Files above all rooms: they put the rooms together. */
const composition = ["src/main.ts", "src/clouds.ts", "src/aws-clients.ts", "src/cli/"];
const composes = (file: string): boolean => composition.some((place) => file.startsWith(place));

function roomOf(file: string): string | undefined {
  return Object.keys(arrows)
    .sort((a, b) => b.length - a.length)
    .find((room) => file.startsWith(`src/${room}/`));
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

describe("the architecture", () => {
  it("sees the imports it judges", () => assert.ok(imports.length > 300 && packages.length > 50, `${imports.length} imports`));

  it("has a room for every file", () => {
    assert.deepEqual(
      sources.filter((file) => file.startsWith("src/") && roomOf(file) === undefined && !composes(file)),
      [],
    );
  });

  it("has arrows that go straight down", () => {
    const wrong = imports.filter(({ from, to }) => {
      if (!from.startsWith("src/") || !to.startsWith("src/") || composes(from)) return false;
      const [room, other] = [roomOf(from), roomOf(to)];
      return room === undefined || other === undefined || (room !== other && !arrows[room]?.includes(other));
    });
    assert.deepEqual(wrong, []);
  });

  it("lets the local cloud know nothing of the provider, and the provider nothing of the local cloud but its start", () => {
    assert.deepEqual(
      imports.filter(({ from, to }) => from.startsWith("local-cloud/") && to.startsWith("src/")),
      [],
    );
    const known = imports.filter(({ from, to }) => from.startsWith("src/") && to.startsWith("local-cloud/"));
    assert.deepEqual(
      [...new Set(known.map(({ from, to }) => `${from} → ${to}`))],
      ["src/cli/local-command.ts → local-cloud/local-cloud.ts"],
    );
  });

  it("gives every package one home", () => {
    const wrong = packages
      .map((one) => ({ ...one, name: packageOf(one.to) }))
      .filter(({ name }) => !name.startsWith("node:") && !builtinModules.includes(name))
      .filter(({ from, name }) => !homes[name]?.some((home) => from.startsWith(home)));
    assert.deepEqual(wrong, []);
  });

  it("has homes only for packages that are used and declared", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
    const used = new Set(packages.map(({ to }) => packageOf(to)));
    assert.deepEqual(
      Object.keys(homes).filter((name) => !used.has(name) || dependencies[name] === undefined),
      [],
    );
    // Loaded by credential-providers, and pinned with it.
    assert.deepEqual(
      Object.keys(dependencies).filter((name) => homes[name] === undefined),
      [],
    );
  });

  it("reads the environment and the process's arguments in composition roots only", () => {
    const readers = sources.filter(
      (file) => file.startsWith("src/") && /\bprocess\.(?:env|argv|exit|std)/.test(readFileSync(join(provider, file), "utf8")),
    );
    assert.deepEqual(
      readers.filter((file) => file !== "src/main.ts" && !file.startsWith("src/cli/")),
      [],
    );
  });

  it("keeps CodeBuild's words inside its backend", () => {
    // `buildspec` is also an input of the resource, named as users of CodeBuild know it.
    const words = /\b(?:buildspecOverride|StartBuild|BatchGetBuilds|LINUX_CONTAINER|COMMAND_EXECUTION_ERROR)\b/i;
    const inRooms = sources.filter((file) => /^src\/(?:build|context|registry|resources|image|rpc)\//.test(file));
    const speaking = inRooms.filter((file) =>
      words.test(readFileSync(join(provider, file), "utf8").replace(/\/\*\*[\s\S]*?\*\/|\/\/.*$/gm, "")),
    );
    assert.deepEqual(speaking, []);
  });
});
