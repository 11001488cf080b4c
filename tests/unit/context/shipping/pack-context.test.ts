import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createWriteStream, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";
import { createHash, randomBytes } from "node:crypto";
import { createContextReader, type ResolvedContext } from "../../../../provider/src/context/files/context-reader.ts";
import { compressed, packContext } from "../../../../provider/src/context/shipping/pack-context.ts";
import { hasCode } from "../../../../provider/src/errors/cloudbuild-error.ts";
import { systemClock } from "../../../../provider/src/support/clock.ts";
import { makeFolder, removeFolders } from "../../../support/folder.ts";
import { recordedOperation } from "../../../support/operation.ts";

const { signal } = new AbortController();

function resolve(folder: string): Promise<ResolvedContext> {
  return createContextReader().resolve({ context: folder, baseDir: "/" }, recordedOperation());
}

async function pack({ root, entries }: ResolvedContext): Promise<string> {
  const archive = join(makeFolder(), "context.tar.gz");
  await pipeline(packContext(root, entries, signal), createWriteStream(archive));
  return archive;
}

const longName = `${"d".repeat(120)}/${"e".repeat(120)}/${"f".repeat(130)}.txt`;

describe("packing a context", () => {
  afterEach(removeFolders);

  it("ships what was hashed, as tar reads it: names, bytes, links, modes, owner and time", async () => {
    const big = randomBytes(3_000_001);
    const folder = makeFolder({
      Dockerfile: "FROM scratch\n",
      "b/run.sh": { exec: "#!/bin/sh\n" },
      "b/plain.txt": "text",
      "it's $(odd) \u00fc.txt": "odd",
      [longName]: "long",
      big,
      empty: null,
      link: { link: "b/plain.txt" },
      "long-link": { link: "x".repeat(150) },
    });
    const archive = await pack(await resolve(folder));
    const out = makeFolder();
    execFileSync("tar", ["-xpzf", archive, "-C", out]);
    assert.deepEqual(readFileSync(join(out, "big")), big);
    assert.equal(readFileSync(join(out, longName), "utf8"), "long");
    assert.equal(readFileSync(join(out, "it's $(odd) \u00fc.txt"), "utf8"), "odd");
    assert.equal(readlinkSync(join(out, "link")), "b/plain.txt");
    assert.equal(readlinkSync(join(out, "long-link")), "x".repeat(150));
    assert.equal(lstatSync(join(out, "b/run.sh")).mode & 0o777, 0o755);
    assert.equal(lstatSync(join(out, "b/plain.txt")).mode & 0o777, 0o644);
    assert.equal(lstatSync(join(out, "empty")).mode & 0o777, 0o755);
    assert.equal(lstatSync(join(out, "big")).mtime.toISOString(), "1980-01-01T00:00:00.000Z");
    const listing = execFileSync("tar", ["--numeric-owner", "-tvzf", archive], { encoding: "utf8" });
    assert.ok(
      listing.split("\n").every((line) => line === "" || / 0\/0 /.test(line)),
      listing,
    );
  });

  it("makes the same bytes for the same content, wherever and whenever", async () => {
    const content = { Dockerfile: "FROM scratch\n", "a/b.txt": "b", c: { exec: "c" } };
    const digests = await Promise.all(
      [makeFolder(content), makeFolder(content)].map(async (folder) =>
        createHash("sha256")
          .update(readFileSync(await pack(await resolve(folder))))
          .digest("hex"),
      ),
    );
    assert.equal(digests[0], digests[1]);
  });

  it("makes the same bytes however the content comes in pieces, and however long each piece takes", async () => {
    const content = Buffer.concat([Buffer.alloc(1_300_000, "some text "), randomBytes(700_000), Buffer.alloc(900_000), randomBytes(33)]);
    const packed = async (sizes: readonly number[]): Promise<Buffer> => {
      function* chunks(): Generator<Buffer> {
        for (let at = 0, i = 0; at < content.length; i += 1) {
          const size = sizes[i % sizes.length] ?? 1;
          yield content.subarray(at, at + size);
          at += size;
        }
      }
      return buffer(compressed(chunks(), signal));
    };
    const expected = await packed([content.length]);
    assert.ok(gunzipSync(expected).equals(content));
    for (const sizes of [[1000], [1, 700_000, 3], [524_288], [524_289]]) assert.ok((await packed(sizes)).equals(expected), String(sizes));
  });

  it("stores what does not shrink, and compresses what does", async () => {
    const [text, random] = [Buffer.alloc(2_000_000, "the quick brown fox "), randomBytes(2_000_000)];
    const size = async (bytes: Buffer): Promise<number> => (await buffer(compressed([bytes], signal))).length;
    assert.ok((await size(text)) < 50_000);
    const stored = await size(random);
    assert.ok(stored > random.length && stored < random.length * 1.001, String(stored));
  });

  it("reads no further than somebody takes, and leaves nothing under way when it is destroyed", async () => {
    let read = 0;
    let ended = false;
    function* endless(): Generator<Buffer> {
      try {
        for (;;) {
          read += 100_000;
          yield randomBytes(100_000);
        }
      } finally {
        ended = true;
      }
    }
    const stream = compressed(endless(), signal);
    await once(stream, "readable");
    await systemClock.sleep(200);
    assert.ok(read < 8_000_000, `${read} bytes were read`);
    stream.destroy();
    await once(stream, "close");
    assert.ok(ended);
  });

  it("stops with the reason when it is told to", async () => {
    const controller = new AbortController();
    const folder = makeFolder({ Dockerfile: "FROM scratch\n", big: randomBytes(30_000_000) });
    const { root, entries } = await resolve(folder);
    const stream = packContext(root, entries, controller.signal);
    await once(stream, "readable");
    controller.abort(new Error("enough"));
    await assert.rejects(buffer(stream), /enough/);
  });

  it("keeps the bytes of a name that is not UTF-8", async function () {
    const folder = makeFolder({ Dockerfile: "FROM scratch\n" });
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff, 0x62])]), "x");
    const listing = execFileSync("tar", ["--quoting-style=escape", "-tzf", await pack(await resolve(folder))], { encoding: "utf8" });
    assert.ok(listing.includes("a\\377b"), listing);
  });

  for (const [name, content] of [
    ["longer", "changed and longer"],
    ["shorter", ""],
    ["another of the same size", "texT"],
  ] as const) {
    it(`fails when a file became ${name} after it was hashed`, async () => {
      const folder = makeFolder({ Dockerfile: "FROM scratch\n", file: "text" });
      const resolved = await resolve(folder);
      writeFileSync(join(folder, "file"), content);
      await assert.rejects(pack(resolved), (error) => hasCode(error, "context-changed") && error.message.includes('"file"'));
    });
  }

  it("fails when a file is gone", async () => {
    const folder = makeFolder({ Dockerfile: "FROM scratch\n" });
    const resolved = await resolve(folder);
    const entries = [...resolved.entries, { kind: "file", path: "gone", executable: false, size: 0, sha256: "" } as const];
    mkdirSync(join(folder, "other"));
    await assert.rejects(pack({ ...resolved, entries }), (error) => hasCode(error, "context-changed"));
  });
});
