import { createHash, randomUUID } from "node:crypto";
import { createReadStream, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { AwsError } from "../aws-error.ts";
import { answer, drain, header, readBody, type Exchange } from "../http/exchange.ts";
import { escapeXml, textsOf, toXml, xmlDeclaration, type XmlTree } from "../http/xml.ts";
import { decodeAwsChunked } from "./aws-chunked.ts";
import { checksumFor } from "./checksums.ts";
import type { ObjectFacts, ObjectStore, ReceivedData, StoredObject } from "./object-store.ts";

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly facts: ObjectFacts;
  readonly parts: Map<number, ReceivedData>;
}

export interface S3 {
  /** The API's name of what is asked: `PutObject`. */
  operationOf(exchange: Exchange): string;
  serve(exchange: Exchange, operation: string): Promise<void>;
  sendError(exchange: Exchange, error: AwsError): void;
}

const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const bucketForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** S3's REST API with the bucket in the path. Uploads in parts are forgotten when the server stops; objects are not. */
export function createS3({ store, region }: { store: ObjectStore; region: string }): S3 {
  const uploads = new Map<string, Upload>();

  const operations: Readonly<Record<string, (exchange: Exchange, at: Address) => void | Promise<void>>> = {
    ListBuckets: (exchange) => {
      const buckets = store.buckets().map(({ name, createdAt }) => ({ Name: name, CreationDate: iso(createdAt) }));
      sendXml(exchange, { [`ListAllMyBucketsResult ${namespace}`]: { Owner: { ID: "local" }, Buckets: { Bucket: buckets } } });
    },
    CreateBucket: async (exchange, { bucket }) => {
      await readBody(exchange.request);
      if (!bucketForm.test(bucket)) throw new AwsError("InvalidBucketName", `"${bucket}" is not a bucket name`);
      if (store.hasBucket(bucket))
        throw new AwsError("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded", 409);
      store.createBucket(bucket);
      answer(exchange, 200, { location: `/${bucket}` });
    },
    HeadBucket: (exchange) => answer(exchange, 200, { "x-amz-bucket-region": region }),
    GetBucketLocation: (exchange) =>
      sendXml(exchange, `<LocationConstraint ${namespace}>${region === "us-east-1" ? "" : escapeXml(region)}</LocationConstraint>`),
    DeleteBucket: (exchange, { bucket }) => {
      if (store.objects(bucket).length > 0) throw new AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409);
      store.deleteBucket(bucket);
      answer(exchange, 204, {});
    },
    ListObjectsV2: (exchange, { bucket }) => sendXml(exchange, listObjects(bucket, exchange.url.searchParams)),
    DeleteObjects: async (exchange, { bucket }) => {
      const keys = textsOf((await readBody(exchange.request)).toString("utf8"), "Key");
      for (const key of keys) store.delete(bucket, key);
      sendXml(exchange, { [`DeleteResult ${namespace}`]: { Deleted: keys.map((key) => ({ Key: key })) } });
    },
    HeadObject: (exchange, { bucket, key }) => {
      const found = object(bucket, key);
      exchange.response.writeHead(200, { ...objectHeaders(found), "content-length": found.size });
      exchange.response.end();
    },
    GetObject: async (exchange, { bucket, key }) => {
      const found = object(bucket, key);
      const range = rangeOf(header(exchange.request, "range"), found.size);
      const size = range === undefined ? found.size : range.end - range.start + 1;
      exchange.response.writeHead(range === undefined ? 200 : 206, {
        ...objectHeaders(found),
        "content-length": size,
        ...(range === undefined ? {} : { "content-range": `bytes ${range.start}-${range.end}/${found.size}` }),
      });
      if (size === 0) exchange.response.end();
      else await pipeline(store.open(bucket, key, range), exchange.response);
    },
    PutObject: async (exchange, { bucket, key }) => {
      requireAbsent(exchange, bucket, key);
      const data = await receive(exchange);
      // Somebody else may have been faster while the body came in.
      requireAbsent(exchange, bucket, key);
      const { etag } = store.put(bucket, key, data, factsOf(exchange));
      answer(exchange, 200, { etag });
    },
    DeleteObject: (exchange, { bucket, key }) => {
      store.delete(bucket, key);
      answer(exchange, 204, {});
    },
    GetObjectTagging: (exchange, { bucket, key }) => {
      const tags = Object.entries(object(bucket, key).tags).map(([Key, Value]) => ({ Key, Value }));
      sendXml(exchange, { [`Tagging ${namespace}`]: { TagSet: { Tag: tags } } });
    },
    PutObjectTagging: async (exchange, { bucket, key }) => {
      object(bucket, key);
      const xml = (await readBody(exchange.request)).toString("utf8");
      const tags = textsOf(xml, "Tag").map((tag) => [textsOf(tag, "Key")[0] ?? "", textsOf(tag, "Value")[0] ?? ""] as const);
      store.setTags(bucket, key, Object.fromEntries(tags));
      answer(exchange, 200, {});
    },
    CreateMultipartUpload: async (exchange, { bucket, key }) => {
      await readBody(exchange.request);
      const id = randomUUID();
      uploads.set(id, { bucket, key, facts: factsOf(exchange), parts: new Map() });
      sendXml(exchange, { [`InitiateMultipartUploadResult ${namespace}`]: { Bucket: bucket, Key: key, UploadId: id } });
    },
    UploadPart: async (exchange, at) => {
      const { parts } = uploadOf(exchange, at);
      const data = await receive(exchange);
      parts.set(Number(exchange.url.searchParams.get("partNumber")), data);
      answer(exchange, 200, { etag: `"${data.md5}"` });
    },
    CompleteMultipartUpload: (exchange, at) => complete(exchange, at),
    AbortMultipartUpload: (exchange, at) => {
      forget(exchange.url.searchParams.get("uploadId") ?? "", uploadOf(exchange, at));
      answer(exchange, 204, {});
    },
  };

  function object(bucket: string, key: string): StoredObject {
    const found = store.object(bucket, key);
    if (found === undefined) throw new AwsError("NoSuchKey", "The specified key does not exist.", 404);
    return found;
  }

  function requireAbsent({ request }: Exchange, bucket: string, key: string): void {
    if (header(request, "if-none-match") !== "*" || store.object(bucket, key) === undefined) return;
    throw new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412);
  }

  function uploadOf({ url }: Exchange, { bucket, key }: Address): Upload {
    const upload = uploads.get(url.searchParams.get("uploadId") ?? "");
    if (upload?.bucket === bucket && upload.key === key) return upload;
    throw new AwsError("NoSuchUpload", "The specified upload does not exist.", 404);
  }

  function forget(id: string, { parts }: Upload): void {
    uploads.delete(id);
    for (const { path } of parts.values()) rmSync(path, { force: true });
  }

  async function complete(exchange: Exchange, at: Address): Promise<void> {
    const upload = uploadOf(exchange, at);
    const body = (await readBody(exchange.request)).toString("utf8");
    const parts = textsOf(body, "PartNumber").map((number) => {
      const part = upload.parts.get(Number(number));
      if (part === undefined) throw new AwsError("InvalidPart", `Part ${number} was not uploaded`);
      return part;
    });
    if (parts.slice(0, -1).some(({ size }) => size < 5 * 1024 * 1024)) {
      throw new AwsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.");
    }
    requireAbsent(exchange, at.bucket, at.key);
    const whole = await store.receive(concatenated(parts));
    const digests = createHash("md5").update(Buffer.concat(parts.map(({ md5 }) => Buffer.from(md5, "hex"))));
    const { etag } = store.put(at.bucket, at.key, whole, upload.facts, `"${digests.digest("hex")}-${parts.length}"`);
    forget(exchange.url.searchParams.get("uploadId") ?? "", upload);
    sendXml(exchange, { [`CompleteMultipartUploadResult ${namespace}`]: { Bucket: at.bucket, Key: at.key, ETag: etag } });
  }

  /** Takes the body in, in whatever encoding it comes, and refuses one that is not what its checksums say. */
  async function receive({ request }: Exchange): Promise<ReceivedData> {
    const claims = new Map<string, string>();
    for (const [name, value] of Object.entries(request.headers)) {
      if (name.startsWith("x-amz-checksum-") && typeof value === "string") claims.set(name, value);
    }
    const names = [...claims.keys(), ...(header(request, "x-amz-trailer") ?? "").split(",").map((name) => name.trim())];
    const sums = names.flatMap((name) => {
      const sum = checksumFor(name);
      return sum === undefined ? [] : [{ name, sum }];
    });
    const chunked =
      (header(request, "content-encoding") ?? "").includes("aws-chunked") ||
      (header(request, "x-amz-content-sha256") ?? "").startsWith("STREAMING-");
    const source = request as AsyncIterable<Buffer>;
    const decoded = chunked ? decodeAwsChunked(source, (name, value) => claims.set(name, value)) : source;
    const data = await store.receive(seen(decoded, (chunk) => sums.forEach(({ sum }) => sum.update(chunk))));
    const wrong = sums.find(({ name, sum }) => claims.get(name) !== sum.digest());
    const expectedMd5 = header(request, "content-md5");
    if (wrong !== undefined || (expectedMd5 !== undefined && Buffer.from(data.md5, "hex").toString("base64") !== expectedMd5)) {
      rmSync(data.path, { force: true });
      throw new AwsError("BadDigest", `The ${wrong?.name ?? "content-md5"} you specified did not match the calculated checksum.`);
    }
    return data;
  }

  function listObjects(bucket: string, query: URLSearchParams): XmlTree {
    const prefix = query.get("prefix") ?? "";
    const delimiter = query.get("delimiter") ?? "";
    const max = Math.min(Number(query.get("max-keys") ?? 1000), 1000);
    const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
    const rows = new Map<string, StoredObject | undefined>();
    for (const one of store.objects(bucket)) {
      if (!one.key.startsWith(prefix)) continue;
      const cut = delimiter === "" ? -1 : one.key.indexOf(delimiter, prefix.length);
      rows.set(cut < 0 ? one.key : one.key.slice(0, cut + delimiter.length), cut < 0 ? one : undefined);
    }
    const left = [...rows].filter(([name]) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0);
    const shown = left.slice(0, max);
    const encode = query.get("encoding-type") === "url" ? encodeURIComponent : (text: string) => text;
    return {
      [`ListBucketResult ${namespace}`]: {
        Name: bucket,
        Prefix: encode(prefix),
        KeyCount: shown.length,
        MaxKeys: max,
        IsTruncated: left.length > shown.length,
        NextContinuationToken: left.length > shown.length ? shown.at(-1)?.[0] : undefined,
        ...(query.get("encoding-type") === "url" ? { EncodingType: "url" } : {}),
        Contents: shown.flatMap(([, one]) =>
          one === undefined
            ? []
            : [{ Key: encode(one.key), LastModified: iso(one.modifiedAt), ETag: one.etag, Size: one.size, StorageClass: "STANDARD" }],
        ),
        CommonPrefixes: shown.flatMap(([name, one]) => (one === undefined ? [{ Prefix: encode(name) }] : [])),
      },
    };
  }

  return {
    operationOf: (exchange) => operationOf(exchange.request.method ?? "", addressOf(exchange), exchange.url.searchParams),
    async serve(exchange, operation) {
      const at = addressOf(exchange);
      const act = operations[operation];
      if (act === undefined) throw new AwsError("NotImplemented", `The local cloud does not implement s3:${operation}`, 501);
      if (at.bucket !== "" && operation !== "CreateBucket" && !store.hasBucket(at.bucket)) {
        throw new AwsError("NoSuchBucket", "The specified bucket does not exist", 404);
      }
      await act(exchange, at);
    },
    sendError(exchange, { code, message, status }) {
      void drain(exchange.request);
      const body = xmlDeclaration + toXml({ Error: { Code: code, Message: message, RequestId: randomUUID() } });
      answer(exchange, status, { "content-type": "application/xml" }, body);
    },
  };
}

interface Address {
  readonly bucket: string;
  readonly key: string;
}

function addressOf({ path }: Exchange): Address {
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
}

function operationOf(method: string, { bucket, key }: Address, query: URLSearchParams): string {
  const known: Readonly<Record<string, string>> =
    bucket === ""
      ? { GET: "ListBuckets" }
      : key === ""
        ? {
            "GET location": "GetBucketLocation",
            GET: "ListObjectsV2",
            HEAD: "HeadBucket",
            PUT: "CreateBucket",
            DELETE: "DeleteBucket",
            "POST delete": "DeleteObjects",
          }
        : {
            "GET tagging": "GetObjectTagging",
            "PUT tagging": "PutObjectTagging",
            "PUT uploadId": "UploadPart",
            "POST uploadId": "CompleteMultipartUpload",
            "DELETE uploadId": "AbortMultipartUpload",
            "POST uploads": "CreateMultipartUpload",
            GET: "GetObject",
            HEAD: "HeadObject",
            PUT: "PutObject",
            DELETE: "DeleteObject",
          };
  // A subresource of the query decides first. One that is not known must not pass for the plain operation.
  const plain = [
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "continuation-token",
    "start-after",
    "encoding-type",
    "fetch-owner",
    "x-id",
    "partNumber",
    "versionId",
  ];
  const named = [...query.keys()].filter((name) => !plain.includes(name));
  const [subresource] = named;
  return (
    known[subresource === undefined ? method : `${method} ${subresource}`] ??
    `${method}${subresource === undefined ? "" : `?${subresource}`}`
  );
}

function factsOf({ request }: Exchange): ObjectFacts {
  const metadata = Object.entries(request.headers).flatMap(([name, value]) =>
    name.startsWith("x-amz-meta-") && typeof value === "string" ? [[name, value] as const] : [],
  );
  return {
    contentType: header(request, "content-type") ?? "binary/octet-stream",
    tags: Object.fromEntries(new URLSearchParams(header(request, "x-amz-tagging") ?? "")),
    metadata: Object.fromEntries(metadata),
  };
}

function objectHeaders({ etag, modifiedAt, contentType, metadata, tags }: StoredObject): Record<string, string | number> {
  const count = Object.keys(tags).length;
  return {
    etag,
    "last-modified": new Date(modifiedAt).toUTCString(),
    "content-type": contentType,
    "accept-ranges": "bytes",
    ...metadata,
    ...(count > 0 ? { "x-amz-tagging-count": count } : {}),
  };
}

function rangeOf(text: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(text ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) throw new AwsError("InvalidRange", "The requested range is not satisfiable", 416);
  return { start, end };
}

async function* seen(source: AsyncIterable<Buffer>, see: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
  }
}

async function* concatenated(parts: readonly ReceivedData[]): AsyncGenerator<Buffer> {
  for (const { path } of parts) yield* createReadStream(path) as AsyncIterable<Buffer>;
}

function sendXml(exchange: Exchange, body: XmlTree | string): void {
  answer(exchange, 200, { "content-type": "application/xml" }, xmlDeclaration + (typeof body === "string" ? body : toXml(body)));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
