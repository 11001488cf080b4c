import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import { abortable } from "../../support/abortable.ts";
import type { AwsClientConfig } from "../../support/aws-client-config.ts";
import { awsError, isNamed } from "../../support/aws-errors.ts";
import type { Clock } from "../../support/clock.ts";
import { once } from "../../support/once.ts";
import { retry } from "../../support/retry.ts";
import type { ContextStore, ObjectFacts } from "./context-store.ts";
import { inTurn } from "./upload-turn.ts";

// Two parts on their way at a time bound the memory. Parts of 5 MiB, the smallest S3 takes, make up to 50 GB.
const partBytes = 5 << 20;
const partsAtOnce = 2;
// By this tag a lifecycle rule of the bucket can tell contexts from everything else.
const tagging = "cloudbuild=context";

type Open = Parameters<ContextStore["put"]>[1];

/** One upload that several callers wait for. */
interface SharedUpload {
  readonly done: Promise<void>;
  waiting: number;
  stop(): Promise<void>;
}

/** Contexts in an S3 bucket. Uploads of the same key at the same time, from one process, are one; in turn, also those of several. */
export function createS3ContextStore({ config, bucket, clock }: { config: AwsClientConfig; bucket: string; clock: Clock }): ContextStore {
  const load = once(async () => {
    const [s3, { Upload }] = await Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/lib-storage")]);
    return { s3, client: new s3.S3Client(config), Upload };
  });
  const uploads = new Map<string, SharedUpload>();

  const call = async <T>(action: string, signal: AbortSignal, make: () => Promise<T>): Promise<T> => {
    try {
      return await retry(make, { clock, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (isNamed(error, "NoSuchBucket")) throw bucketMissing(bucket, error);
      throw awsError(error, `s3:${action} on bucket "${bucket}"`);
    }
  };

  const store: ContextStore = {
    bucket,
    stat: (key, signal) => call("GetObject", signal, () => factsOf(key, signal)),
    get: (key, signal) =>
      call("GetObject", signal, async () => {
        const { s3, client } = await load();
        try {
          const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
          return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray());
        } catch (error) {
          // Without s3:ListBucket, what is not there is forbidden.
          if (isNamed(error, "NoSuchKey", "AccessDenied")) return undefined;
          throw error;
        }
      }),
    replace: (key, bytes, signal) =>
      call("PutObject", signal, async () => {
        const { s3, client } = await load();
        await client.send(new s3.PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, Tagging: tagging }), { abortSignal: signal });
      }),
    put: (key, open, signal) => together(key, signal, (shared) => upload(key, open, shared)),
    putInTurn: (key, open, signal) => together(key, signal, (shared) => inTurn(key, () => upload(key, open, shared), store, clock, shared)),
  };
  return store;

  function upload(key: string, open: Open, signal: AbortSignal): Promise<void> {
    return call("PutObject", signal, () => uploadObject(key, open, signal));
  }

  /** Joins an upload of this key that is under way, or starts one. It goes on as long as somebody waits for it. */
  async function together(key: string, signal: AbortSignal, start: (shared: AbortSignal) => Promise<void>): Promise<void> {
    signal.throwIfAborted();
    const shared = uploads.get(key) ?? begin(key, start);
    shared.waiting += 1;
    try {
      await abortable(shared.done, signal);
    } finally {
      shared.waiting -= 1;
      if (shared.waiting === 0) await shared.stop();
    }
  }

  function begin(key: string, start: (shared: AbortSignal) => Promise<void>): SharedUpload {
    const controller = new AbortController();
    const done = start(controller.signal);
    const shared: SharedUpload = {
      done,
      waiting: 0,
      async stop() {
        if (uploads.get(key) === shared) uploads.delete(key);
        controller.abort();
        // What it began is taken back before anybody hears that it stopped.
        await done.catch(() => undefined);
      },
    };
    uploads.set(key, shared);
    return shared;
  }

  async function factsOf(key: string, signal: AbortSignal): Promise<ObjectFacts | undefined> {
    const { s3, client } = await load();
    try {
      const head = await client.send(new s3.HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
      const { ContentLength: size = 0, ETag: etag = "", VersionId: versionId } = head;
      return { size, etag, ...(versionId === undefined ? {} : { versionId }) };
    } catch (error) {
      // A HEAD has no body, so S3 cannot name the error: 404 is an absent object or bucket, and without s3:ListBucket it is 403.
      if (isNamed(error, "NotFound", "NoSuchKey", "Forbidden") || hasStatus(error, 403, 404)) return undefined;
      throw error;
    }
  }

  async function uploadObject(key: string, open: Open, signal: AbortSignal): Promise<void> {
    const { client, Upload } = await load();
    const body = open();
    let failure: Error | undefined;
    body.once("error", (error) => (failure = error));
    const upload = new Upload({
      client,
      params: { Bucket: bucket, Key: key, Body: body, Tagging: tagging, IfNoneMatch: "*" },
      partSize: partBytes,
      queueSize: partsAtOnce,
    });
    const abort = () => void upload.abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      await upload.done();
    } catch (error) {
      if (isNamed(error, "PreconditionFailed") || hasStatus(error, 412)) return;
      // The completion was carried out, its answer was lost, and the SDK's next try found no upload any more.
      if (isNamed(error, "NoSuchUpload") && (await factsOf(key, signal)) !== undefined) return;
      throw failure ?? error;
    } finally {
      signal.removeEventListener("abort", abort);
      body.destroy();
    }
  }
}

function bucketMissing(bucket: string, cause: unknown): CloudBuildError {
  return new CloudBuildError("bucket-missing", `"${bucket}" is not a bucket`, { property: "contextBucket", cause });
}

function hasStatus(error: unknown, ...statuses: readonly number[]): boolean {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return status !== undefined && statuses.includes(status);
}
