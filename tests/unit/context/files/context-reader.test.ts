import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  createContextReader,
  listContext,
  type ContextReader,
  type ContextSource,
} from "../../../../provider/src/context/files/context-reader.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";
import { fill, makeFolder, removeFolders } from "../../../support/folder.ts";
import { recordedOperation } from "../../../support/operation.ts";

async function paths(source: Partial<ContextSource> & { context: string }): Promise<string[]> {
  return (await listContext({ baseDir: "/", ...source }, recordedOperation())).map(({ path, kind }) =>
    kind === "folder" ? `${path}/` : path,
  );
}

async function failures(source: Partial<ContextSource> & { context: string }): Promise<string[]> {
  const inspected = await createContextReader().inspect({ baseDir: "/", ...source }, recordedOperation());
  return inspected.failures.map(({ property, code }) => `${property}: ${code}`);
}

describe("reading a context", () => {
  afterEach(removeFolders);

  it("lists what Docker would see, by the bytes of the names", async () => {
    const folder = makeFolder({
      Dockerfile: "FROM scratch\n",
      ".dockerignore": "**/*.log\nnode_modules\nout\n!out/keep/it\n",
      "a.log": "",
      "a/x": "",
      "a-b": "",
      "node_modules/p/index.js": "",
      "out/keep/it": "",
      "out/other": "",
      Z: "",
      "\u{1f600}": "",
      "\uffee": "",
    });
    assert.deepEqual(await paths({ context: folder }), [
      ".dockerignore",
      "Dockerfile",
      "Z",
      "a/",
      "a-b",
      "a/x",
      "out/",
      "out/keep/",
      "out/keep/it",
      "\uffee",
      "\u{1f600}",
    ]);
  });

  it("lets <Dockerfile>.dockerignore count before .dockerignore", async () => {
    const folder = makeFolder({
      "app.Dockerfile": "FROM scratch\n",
      "app.Dockerfile.dockerignore": "a\n",
      ".dockerignore": "b\n",
      a: "",
      b: "",
    });
    const listed = await paths({ context: folder, dockerfile: join(folder, "app.Dockerfile") });
    assert.equal(listed.includes("a"), false);
    assert.equal(listed.includes("b"), true);
  });

  it("hashes a context whose Dockerfile lies outside of it, or is ignored", async () => {
    const outside = makeFolder({ Dockerfile: "FROM scratch\n" });
    const folder = makeFolder({ ".dockerignore": "Dockerfile\n", Dockerfile: "FROM scratch\n", a: "" });
    assert.deepEqual(await failures({ context: folder }), []);
    assert.deepEqual(await failures({ context: folder, dockerfile: join(outside, "Dockerfile") }), []);
  });

  it("reports everything that is wrong at once, each with its property", async () => {
    const folder = makeFolder({ ".dockerignore": "[\n" });
    assert.deepEqual(await failures({ context: folder }), ["dockerfile: dockerfile-missing", "context: ignore-pattern-malformed"]);
    assert.deepEqual(await failures({ context: join(folder, "nowhere") }), ["context: context-unreadable"]);
    assert.deepEqual(await failures({ context: join(folder, ".dockerignore") }), ["context: context-unreadable"]);
    assert.deepEqual(await failures({ context: "" }), ["context: context-unreadable"]);
    assert.deepEqual(await failures({ context: "https://github.com/a/b.git" }), ["context: context-unreadable"]);
    const bad = makeFolder({ Dockerfile: "FORM scratch\n" });
    assert.deepEqual(await failures({ context: bad }), ["dockerfile: dockerfile-invalid"]);
    assert.deepEqual(await failures({ context: makeFolder({ Dockerfile: "FROM a AS b\n" }), target: "c" }), ["target: target-unknown"]);
  });

  it("leaves sockets and pipes out, with one warning", async () => {
    const folder = makeFolder({ Dockerfile: "FROM scratch\n" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const operation = recordedOperation();
    const listed = await listContext({ context: folder, baseDir: "/" }, operation);
    assert.deepEqual(
      listed.map(({ path }) => path),
      ["Dockerfile"],
    );
    assert.deepEqual(operation.said.filter(({ kind }) => kind === "warn").length, 1);
  });

  it("reads one context once for callers that come together, and an abort of one does not fail the other", async () => {
    const folder = makeFolder({ Dockerfile: "FROM scratch\n", a: "x".repeat(100_000) });
    const reader = createContextReader();
    const [gone, kept] = [recordedOperation(), recordedOperation()];
    const source = { context: folder, baseDir: "/" };
    const first = reader.resolve(source, gone);
    const second = reader.resolve(source, kept);
    gone.abort(new Error("no more"));
    await assert.rejects(first, /no more/);
    assert.match((await second).contextHash, /^[0-9a-f]{64}$/);
  });

  describe("once in its life", () => {
    const content = { Dockerfile: "FROM scratch\n", a: "1" };
    const hashOf = async (reader: ContextReader, context: string): Promise<string> =>
      (await reader.resolve({ context, baseDir: "/" }, recordedOperation())).contextHash;

    it("reads a context once, whatever becomes of it: what was checked is what is built", async () => {
      const folder = makeFolder(content);
      const reader = createContextReader();
      const first = await hashOf(reader, folder);
      const dockerfile = "FROM scratch\nLABEL a=b\n";
      fill(folder, { a: "2", b: "new", Dockerfile: dockerfile });
      const again = await reader.resolve({ context: folder, baseDir: "/" }, recordedOperation());
      assert.deepEqual([again.contextHash, again.dockerfile.bytes.toString()], [first, content.Dockerfile]);
      const other = await createContextReader().resolve({ context: folder, baseDir: "/" }, recordedOperation());
      assert.notEqual(other.contextHash, first);
      assert.equal(other.dockerfile.bytes.toString(), dockerfile);
    });

    it("reads it for each set of ignore rules", async () => {
      const folder = makeFolder({ ...content, "other.Dockerfile": "FROM scratch\n", "other.Dockerfile.dockerignore": "a\n" });
      const reader = createContextReader();
      const dockerfile = join(folder, "other.Dockerfile");
      const other = await reader.resolve({ context: folder, dockerfile, baseDir: "/" }, recordedOperation());
      assert.notEqual(await hashOf(reader, folder), other.contextHash);
    });

    it("does not remember a reading that failed or was given up", async () => {
      const folder = makeFolder(content);
      execFileSync("mkfifo", [join(folder, "pipe")]);
      const reader = createContextReader();
      const source = { context: folder, baseDir: "/" };
      const failing = recordedOperation();
      // The pipe is warned of between the walk and the reading.
      const reporter = { ...failing.reporter, warn: () => rmSync(join(folder, "a"), { force: true }) };
      await assert.rejects(reader.resolve(source, { ...failing, reporter }), (error) => hasCode(error, "context-changed"));
      const gone = recordedOperation();
      const givenUp = reader.resolve(source, gone);
      gone.abort(new Error("no more"));
      await assert.rejects(givenUp, /no more/);
      fill(folder, { b: "2" });
      assert.equal(await hashOf(reader, folder), await hashOf(createContextReader(), folder));
    });

    it("forgets the contexts that it read first when it remembers too many files", async () => {
      const [one, two, three] = [makeFolder(content), makeFolder({ ...content, b: "" }), makeFolder({ ...content, c: "" })];
      const reader = createContextReader(undefined, 6);
      const hashes = [await hashOf(reader, one), await hashOf(reader, two), await hashOf(reader, three)];
      assert.deepEqual(
        hashes.map((hash) => reader.manifest(hash) !== undefined),
        [false, true, true],
      );
    });
  });

  it("reads the same alone and with helpers, and stops when it is told to", async function () {
    const many = Object.fromEntries(Array.from({ length: 6000 }, (_, i) => [`d${i % 40}/f${i}`, `${i} `.repeat(3000)]));
    const folder = makeFolder({ Dockerfile: "FROM scratch\n", ...many });
    const reader = createContextReader();
    const source = { context: folder, baseDir: "/" };
    const shared = await reader.resolve(source, recordedOperation());
    // Small parts of it are read by one thread; put together they must be the whole.
    for (let part = 0; part < 40; part += 1) {
      const alone = await reader.resolve(
        { context: join(folder, `d${part}`), dockerfile: join(folder, "Dockerfile"), baseDir: "/" },
        recordedOperation(),
      );
      const expected = alone.entries.map((entry) => ({ ...entry, path: `d${part}/${entry.path}` }));
      assert.deepEqual(
        shared.entries.filter(({ path }) => path.startsWith(`d${part}/`)),
        expected,
      );
    }
    const gone = recordedOperation();
    const reading = createContextReader().resolve(source, gone);
    setTimeout(() => gone.abort(new Error("enough")), 30);
    await assert.rejects(reading, /enough/);
  });
});
