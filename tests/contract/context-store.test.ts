import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { ContextStore } from "../../provider/src/context/shipping/context-store.ts";
import { createS3ContextStore } from "../../provider/src/context/shipping/s3-context-store.ts";
import { hasCode } from "../../provider/src/errors/cloudbuild-error.ts";
import { systemClock } from "../../provider/src/support/clock.ts";
import { run, startCloudProcess, type CloudProcess } from "../support/cloud-process.ts";
import { makeFolder, removeFolders } from "../support/folder.ts";

const { signal } = new AbortController();

interface PlannedFault {
  readonly call: string;
  readonly times?: number;
  readonly delayMs?: number;
  readonly [more: string]: unknown;
}

describe("the context store", () => {
  let cloud: CloudProcess;
  let store: ContextStore;
  let keys = 0;
  before(async () => {
    cloud = await startCloudProcess();
    store = storeOf(cloud.bucket);
  });
  after(async () => {
    await cloud.stop();
    removeFolders();
  });
  beforeEach(() => cloud.resetCalls());
  afterEach(() => cloud.setFaults([]));

  function storeOf(bucket: string): ContextStore {
    const credentials = async () => ({ accessKeyId: "x", secretAccessKey: "y" });
    return createS3ContextStore({
      config: { region: cloud.region, endpoint: cloud.endpoint, forcePathStyle: true, credentials },
      bucket,
      clock: systemClock,
    });
  }

  function freshKey(): string {
    keys += 1;
    return `cloudbuild/contexts/${keys}.tar.gz`;
  }

  function stored(key: string): Buffer {
    const file = join(makeFolder(), "object");
    run("aws", ["s3", "cp", "--no-progress", `s3://${cloud.bucket}/${key}`, file], cloud.env);
    return readFileSync(file);
  }

  const small = Buffer.from("a small context");
  const large = randomBytes(20_000_003);
  const open = (bytes: Buffer) => () => Readable.from([bytes.subarray(0, 7), bytes.subarray(7)], { objectMode: false });

  it("stores small and large objects byte for byte, with the tag that lets them expire", async () => {
    for (const bytes of [small, large, Buffer.alloc(0)]) {
      const key = freshKey();
      assert.equal(await store.stat(key, signal), undefined);
      await store.put(key, open(bytes), signal);
      const facts = await store.stat(key, signal);
      assert.equal(facts?.size, bytes.length);
      assert.match(facts.etag, /^"[0-9a-f]{32}(?:-\d+)?"$/);
      assert.ok(stored(key).equals(bytes));
      assert.ok((await store.get(key, signal))?.equals(bytes));
      const tagging = JSON.parse(
        run("aws", ["s3api", "get-object-tagging", "--bucket", cloud.bucket, "--key", key, "--output", "json"], cloud.env),
      ) as { TagSet: object[] };
      assert.deepEqual(tagging.TagSet, [{ Key: "cloudbuild", Value: "context" }]);
    }
    assert.equal(await store.get("nowhere", signal), undefined);
  });

  it("uploads once for callers that come together, and leaves alone what somebody else was faster with", async () => {
    const key = freshKey();
    await Promise.all([store.put(key, open(small), signal), store.put(key, open(small), signal), store.put(key, open(small), signal)]);
    assert.equal((await cloud.calls())["s3:PutObject"], 1);
    await storeOf(cloud.bucket).put(key, open(Buffer.from("other bytes under this key")), signal);
    assert.ok(stored(key).equals(small));
  });

  it("goes on for who still waits when the caller that began gives up, and hears that caller at once", async () => {
    const key = freshKey();
    await cloud.setFaults([{ call: "s3:PutObject", times: 1, delayMs: 1500 }]);
    const controller = new AbortController();
    const first = store.put(key, open(small), controller.signal);
    const second = store.put(key, open(small), signal);
    controller.abort(new Error("too late for me"));
    await assert.rejects(first, /too late for me/);
    assert.equal(await store.stat(key, signal), undefined);
    await second;
    assert.ok(stored(key).equals(small));
  });

  it("uploads once for several processes that do so in turn, and for each of them it is there", async () => {
    const key = freshKey();
    const processes = Array.from({ length: 4 }, () => storeOf(cloud.bucket));
    await Promise.all(
      processes.map(async (process) => {
        await process.putInTurn(key, open(large), signal);
        assert.equal((await process.stat(key, signal))?.size, large.length);
      }),
    );
    const calls = await cloud.calls();
    assert.deepEqual([calls["s3:CreateMultipartUpload"], calls["s3:UploadPart"]], [1, 4]);
    assert.ok(stored(key).equals(large));
  });

  const faults: readonly (readonly [name: string, bytes: Buffer, faults: readonly PlannedFault[]])[] = [
    ["a reset", small, [{ call: "s3:PutObject", times: 2, reset: true }]],
    ["a 503", small, [{ call: "s3:PutObject", times: 2, error: { code: "SlowDown", status: 503 } }]],
    ["half a body", small, [{ call: "s3:PutObject", times: 2, cutAfter: 7 }]],
    ["slowness", small, [{ call: "s3:PutObject", times: 1, delayMs: 1500 }]],
    ["an answer that is lost", small, [{ call: "s3:PutObject", times: 1, reset: true, afterwards: true }]],
    ["a part that is reset", large, [{ call: "s3:UploadPart", times: 2, reset: true }]],
    ["a part that is refused with 503", large, [{ call: "s3:UploadPart", times: 2, error: { code: "ServiceUnavailable", status: 503 } }]],
    ["a part of which half arrives", large, [{ call: "s3:UploadPart", times: 2, cutAfter: 2_000_000 }]],
    ["a beginning that is reset", large, [{ call: "s3:CreateMultipartUpload", times: 2, reset: true }]],
    ["a part whose answer is lost", large, [{ call: "s3:UploadPart", times: 1, reset: true, afterwards: true }]],
    ["a part that is slow", large, [{ call: "s3:UploadPart", times: 1, delayMs: 700 }]],
    ["a completion that fails", large, [{ call: "s3:CompleteMultipartUpload", times: 2, error: { code: "InternalError", status: 500 } }]],
    ["a completion whose answer is lost", large, [{ call: "s3:CompleteMultipartUpload", times: 1, reset: true, afterwards: true }]],
    ["three of ten calls failing", large, [{ call: "s3:*", probability: 0.3, reset: true }]],
  ];
  for (const [name, bytes, planned] of faults) {
    it(`stores the whole object in spite of ${name}`, async () => {
      const key = freshKey();
      await cloud.setFaults(planned);
      await store.put(key, open(bytes), signal);
      await cloud.setFaults([]);
      const calls = await cloud.calls();
      for (const { call, times, delayMs } of planned) {
        if (times !== undefined && delayMs === undefined) assert.ok((calls[call] ?? 0) > times, `${call} was made ${calls[call]} times`);
      }
      const digest = (content: Buffer) => createHash("sha256").update(content).digest("hex");
      assert.equal(digest(stored(key)), digest(bytes));
    });
  }

  it("is absent until it is whole, and then it is whole", async () => {
    const key = freshKey();
    await cloud.setFaults([{ call: "s3:UploadPart", delayMs: 300 }]);
    const upload = store.put(key, open(large), signal);
    let over = false;
    const done = upload.finally(() => (over = true));
    while (!over) {
      const facts = await store.stat(key, signal);
      assert.ok(facts === undefined || facts.size === large.length, JSON.stringify(facts));
      await systemClock.sleep(20);
    }
    await done;
    assert.ok(stored(key).equals(large));
  });

  it("replaces a small object, with the tag, and says which version is there", async () => {
    const key = freshKey();
    const facts = [];
    for (const text of ["one", "three"]) {
      await store.replace(key, Buffer.from(text), signal);
      assert.equal((await store.get(key, signal))?.toString(), text);
      facts.push(await store.stat(key, signal));
    }
    assert.deepEqual(facts.map((one) => one?.size), [3, 5]); // prettier-ignore
    assert.notEqual(facts[0]?.etag, facts[1]?.etag);
    assert.deepEqual(await store.stat(key, signal), facts[1]);
    assert.equal(await store.stat("nowhere", signal), undefined);
  });

  it("reads whole objects in spite of half a body, a reset and a 503", async () => {
    const key = freshKey();
    await store.put(key, open(large), signal);
    for (const planned of [{ cutAfter: 1_000_000 }, { reset: true }, { error: { code: "SlowDown", status: 503 } }]) {
      await cloud.setFaults([{ call: "s3:GetObject", times: 2, ...planned }]);
      assert.ok((await store.get(key, signal))?.equals(large));
    }
  });

  it("leaves nothing when the source breaks in the middle, and says why", async () => {
    const key = freshKey();
    const breaking = () =>
      Readable.from(
        (async function* () {
          yield large.subarray(0, 10_000_000);
          throw new Error("the disk is gone");
        })(),
        { objectMode: false },
      );
    await assert.rejects(store.put(key, breaking, signal), /the disk is gone/);
    assert.equal(await store.stat(key, signal), undefined);
  });

  it("stops when it is told to, and leaves nothing", async () => {
    const key = freshKey();
    const controller = new AbortController();
    await cloud.setFaults([{ call: "s3:UploadPart", delayMs: 500 }]);
    const upload = store.put(key, open(large), controller.signal);
    upload.catch(() => undefined);
    await systemClock.sleep(200);
    controller.abort(new Error("enough"));
    await assert.rejects(upload, /enough/);
    await cloud.setFaults([]);
    assert.equal(await store.stat(key, signal), undefined);
  });

  it("says that a bucket is missing, and that a call is denied", async () => {
    await assert.rejects(storeOf("nowhere-at-all").put("key", open(small), signal), (error) => hasCode(error, "bucket-missing"));
    await cloud.setFaults([{ call: "s3:PutObject", error: { code: "AccessDenied", message: "no", status: 403 } }]);
    await assert.rejects(
      store.put(freshKey(), open(small), signal),
      (error) => hasCode(error, "access-denied") && error.message.includes("s3:PutObject"),
    );
  });
});
