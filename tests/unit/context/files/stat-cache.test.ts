import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { createContextReader } from "../../../../provider/src/context/files/context-reader.ts";
import { createStatCache, userStatCache, type StatCache } from "../../../../provider/src/context/files/stat-cache.ts";
import { systemClock, type Clock } from "../../../../provider/src/support/clock.ts";
import { fill, makeFolder, removeFolders, type FolderContent } from "../../../support/folder.ts";
import { laterClock } from "../../../support/later-clock.ts";
import { recordedOperation } from "../../../support/operation.ts";

const content: FolderContent = {
  Dockerfile: "FROM scratch\n",
  "a/one": "one",
  "a/two": "two",
  "a-b": { exec: "#!/bin/sh\n" },
  "\u00fc/\u{1f600}": "not ASCII",
  link: { link: "a/one" },
};
const fileCount = 5;

interface Read {
  readonly hash: string;
  /** How many files the cache knew; undefined when nothing was said of it. */
  readonly known: number;
}

async function read(context: string, cache?: StatCache): Promise<Read> {
  const operation = recordedOperation();
  const { contextHash } = await createContextReader(cache).resolve({ context, baseDir: "/" }, operation);
  const known = operation.said.map(({ text }) => /of which (\d+) were known/.exec(text)?.[1]).find((found) => found !== undefined);
  return { hash: contextHash, known: Number(known) };
}

const cacheIn = (folder: string, clock: Clock = laterClock): StatCache => createStatCache({ folder, clock });
const cacheFiles = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".stat"));

/** Longer than the tick of any clock that Linux or macOS stamps files by. */
const tick = (): Promise<void> => sleep(15);

describe("the stat cache", () => {
  afterEach(removeFolders);

  it("recognizes every file that is as it was, and reads only the others", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    const first = await read(context, cacheIn(folder));
    assert.deepEqual(first, { hash: (await read(context)).hash, known: 0 });
    assert.deepEqual(await read(context, cacheIn(folder)), { hash: first.hash, known: fileCount });
    await tick();
    writeFileSync(join(context, "a/one"), "onE");
    const third = await read(context, cacheIn(folder));
    assert.deepEqual(third, { hash: (await read(context)).hash, known: fileCount - 1 });
    assert.notEqual(third.hash, first.hash);
    assert.equal((await read(context, cacheIn(folder))).known, fileCount);
  });

  it("is written only when something is new or gone", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    await read(context, cacheIn(folder));
    const [name = ""] = cacheFiles(folder);
    const inode = () => statSync(join(folder, name)).ino;
    const before = inode();
    await read(context, cacheIn(folder));
    assert.equal(inode(), before);
    rmSync(join(context, "a/one"));
    await read(context, cacheIn(folder));
    assert.notEqual(inode(), before);
    assert.equal((await read(context, cacheIn(folder))).known, fileCount - 1);
  });

  it("does not trust what changed about when it was read: such a file can change again and look the same", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    const cache = cacheIn(folder, systemClock);
    for (let round = 0; round < 40; round += 1) {
      writeFileSync(join(context, "a/one"), String(round).padStart(3));
      assert.equal((await read(context, cache)).hash, (await read(context)).hash);
    }
    assert.equal((await read(context, cache)).known, 0);
    assert.deepEqual(await read(context, cacheIn(folder)), { hash: (await read(context)).hash, known: 0 });
    assert.equal((await read(context, cache)).known, fileCount);
  });

  it("does not trust a file from the future, and trusts the others", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    utimesSync(join(context, "a/one"), 2e9, 4e9);
    await read(context, cacheIn(folder));
    assert.equal((await read(context, cacheIn(folder))).known, fileCount - 1);
  });

  it("agrees with reading everything, whatever is done to the files", async function () {
    this.timeout(240_000);
    const names = ["a/one", "a/two", "a/three", "b/one", "c"] as const;
    const name = fc.constantFrom(...names);
    const edit = fc.oneof(
      fc.record({ kind: fc.constant("write"), name, other: name, text: fc.constantFrom("one", "two", "longer") }),
      fc.record({
        kind: fc.constantFrom("rewrite, time set back", "chmod", "rename", "swap", "delete", "folder", "link", "touch"),
        name,
        other: name,
        text: fc.constantFrom("one", "two"),
      }),
    );
    const apply = (
      context: string,
      { kind, name: from, other, text }: { kind: string; name: string; other: string; text: string },
    ): void => {
      const [path, to] = [join(context, from), join(context, other)];
      const stats = lstatSync(path, { throwIfNoEntry: false });
      const free = (at: string): void => {
        rmSync(at, { recursive: true, force: true });
        mkdirSync(join(at, ".."), { recursive: true });
      };
      switch (kind) {
        case "write":
        case "rewrite, time set back":
          if (stats?.isFile() !== true) free(path);
          writeFileSync(path, text);
          if (kind !== "write") utimesSync(path, 1, 1);
          return;
        case "chmod":
          if (stats?.isFile() === true) chmodSync(path, (stats.mode & 0o777) ^ 0o111);
          return;
        case "rename":
          if (stats === undefined || from === other) return;
          free(to);
          return renameSync(path, to);
        case "swap":
          if (stats === undefined || from === other || !existsSync(to)) return;
          renameSync(path, join(context, "aside"));
          renameSync(to, path);
          return renameSync(join(context, "aside"), to);
        case "delete":
          return rmSync(path, { recursive: true, force: true });
        case "folder":
          free(path);
          return void mkdirSync(path);
        case "link":
          free(path);
          return symlinkSync(text, path);
        case "touch":
          if (stats?.isFile() === true) utimesSync(path, 1, 1);
      }
    };
    let known = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 }), async (rounds) => {
        const [context, folder] = [makeFolder({ ...content, "b/one": "one", c: "two" }), makeFolder()];
        // From here on a rewritten file whose time is set back tells by nothing but its ctime.
        for (const path of names) if (existsSync(join(context, path))) utimesSync(join(context, path), 1, 1);
        await read(context, cacheIn(folder));
        for (const edits of rounds) {
          await tick();
          for (const one of edits) apply(context, one);
          const cached = await read(context, cacheIn(folder));
          assert.equal(cached.hash, (await read(context)).hash);
          known += cached.known;
        }
      }),
      { numRuns: 120 },
    );
    assert.ok(known > 500, `${known} files were recognized, so the cache was not tried`);
  });

  it("is no cache when a byte of it is wrong or missing, wherever that is", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    const { hash } = await read(context, cacheIn(folder));
    const path = join(folder, cacheFiles(folder)[0] ?? "");
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      for (const bytes of [damaged, whole.subarray(0, at)]) {
        writeFileSync(path, bytes);
        assert.deepEqual(await read(context, cacheIn(folder)), { hash, known: 0 }, `byte ${at} of ${whole.length}`);
      }
    }
    appendFileSync(path, "x");
    assert.deepEqual(await read(context, cacheIn(folder)), { hash, known: 0 });
    truncateSync(path, 0);
    assert.deepEqual(await read(context, cacheIn(folder)), { hash, known: 0 });
    assert.deepEqual(await read(context, cacheIn(folder)), { hash, known: fileCount });
  });

  it("is no cache under the name of another context", async () => {
    const [one, two, folder] = [makeFolder(content), makeFolder(content), makeFolder()];
    await read(one, cacheIn(folder));
    const [first = ""] = cacheFiles(folder);
    await read(two, cacheIn(folder));
    const second = cacheFiles(folder).find((name) => name !== first) ?? "";
    renameSync(join(folder, first), join(folder, second));
    assert.equal((await read(two, cacheIn(folder))).known, 0);
  });

  it("keeps apart what different ignore files let through", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    await read(context, cacheIn(folder));
    fill(context, { ".dockerignore": "a\n" });
    const ignoring = await read(context, cacheIn(folder));
    assert.deepEqual(ignoring, { hash: (await read(context)).hash, known: 0 });
    rmSync(join(context, ".dockerignore"));
    assert.equal((await read(context, cacheIn(folder))).known, fileCount);
  });

  it("is done without, in silence, where it cannot be written or read", async () => {
    const context = makeFolder(content);
    const { hash } = await read(context);
    const blocked = join(makeFolder({ file: "" }), "file", "cache");
    const operation = recordedOperation();
    const { contextHash } = await createContextReader(cacheIn(blocked)).resolve({ context, baseDir: "/" }, operation);
    assert.equal(contextHash, hash);
    assert.deepEqual([...new Set(operation.said.map(({ kind }) => kind))], ["debug"]);
    const folder = makeFolder();
    await read(context, cacheIn(folder));
    const path = join(folder, cacheFiles(folder)[0] ?? "");
    rmSync(path);
    mkdirSync(path);
    assert.deepEqual(await read(context, cacheIn(folder)), { hash, known: 0 });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith(".part")),
      [],
    );
  });

  it("is not kept inside of the context, where it would change it", async () => {
    const context = makeFolder(content);
    const { hash } = await read(context);
    const linked = join(makeFolder({ link: { link: context } }), "link", "cache");
    for (const folder of [join(context, ".cache"), linked]) assert.deepEqual(await read(context, cacheIn(folder)), { hash, known: 0 });
    assert.deepEqual(await read(context), { hash, known: 0 });
  });

  it("forgets what was unused for 30 days, what killed runs left, and what is too much, looking once a day", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    const day = 86_400;
    const now = systemClock.now() / 1000;
    const put = (name: string, ageDays: number, size = 1): void => {
      writeFileSync(join(folder, name), "");
      truncateSync(join(folder, name), size);
      utimesSync(join(folder, name), now - ageDays * day, now - ageDays * day);
    };
    const list = (): string[] => readdirSync(folder).filter((name) => !/^[0-9a-f]{64}\.stat$/.test(name));
    put("used.stat", 29);
    put("unused.stat", 31);
    put("old.stat.x.part", 1);
    put("young.stat.x.part", 0);
    put("large.stat", 2, 200 << 20);
    put("larger.stat", 3, 200 << 20);
    put("foreign", 99);
    await read(context, cacheIn(folder, systemClock));
    assert.deepEqual(list(), ["foreign", "large.stat", "pruned", "used.stat", "young.stat.x.part"]);
    put("unused.stat", 31);
    await read(context, cacheIn(folder, systemClock));
    assert.ok(list().includes("unused.stat"), "it looked again on the same day");
    put("pruned", 1.1);
    await read(context, cacheIn(folder, systemClock));
    assert.equal(list().includes("unused.stat"), false);
  });

  it("stays while it is used", async () => {
    const [context, folder] = [makeFolder(content), makeFolder()];
    await read(context, cacheIn(folder));
    const path = join(folder, cacheFiles(folder)[0] ?? "");
    utimesSync(path, 1, 1);
    rmSync(join(folder, "pruned"));
    assert.equal((await read(context, cacheIn(folder))).known, 0, "unused since 1970");
    utimesSync(path, 1, 1);
    assert.equal((await read(context, cacheIn(folder))).known, fileCount);
    assert.ok(statSync(path).mtimeMs > systemClock.now() - 86_400_000);
  });

  it("lies where the XDG rule says, and nowhere without a home", async () => {
    const [context, home] = [makeFolder(content), makeFolder()];
    const places = (): string[] => readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("contexts"));
    await read(context, userStatCache({ HOME: home, XDG_CACHE_HOME: "relative" }, laterClock));
    assert.deepEqual(places(), [".cache/pulumi-cloudbuild/contexts"]);
    await read(context, userStatCache({ HOME: home, XDG_CACHE_HOME: join(home, "xdg") }, laterClock));
    assert.deepEqual(places().sort(), [".cache/pulumi-cloudbuild/contexts", "xdg/pulumi-cloudbuild/contexts"]);
    assert.equal(userStatCache({}, laterClock), undefined);
  });
});
