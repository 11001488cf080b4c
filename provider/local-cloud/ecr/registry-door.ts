import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AwsError } from "../aws-error.ts";
import { answer, drain, header, readBody, type Exchange } from "../http/exchange.ts";
import { sha256, type ImageStore, type StoredManifest, type StoredRepository } from "./image-store.ts";
import { indexMediaTypes, parseManifest } from "./manifest.ts";

/** The distribution specification's HTTP API over the same images that ECR shows. */
export interface RegistryDoor {
  serve(exchange: Exchange): Promise<void>;
  sendError(exchange: Exchange, error: AwsError): void;
}

const digestForm = /^sha256:[0-9a-f]{64}$/;

export function createRegistryDoor({ store, password }: { store: ImageStore; password: string }): RegistryDoor {
  const expected = `Basic ${Buffer.from(`AWS:${password}`).toString("base64")}`;

  function repository(name: string): StoredRepository {
    const found = store.repository(name);
    if (found === undefined) throw new AwsError("NAME_UNKNOWN", `The repository with name '${name}' does not exist in the registry`, 404);
    return found;
  }

  async function serve(exchange: Exchange): Promise<void> {
    const { request, path, url } = exchange;
    if (header(request, "authorization") !== expected) {
      await drain(request);
      exchange.response.setHeader("www-authenticate", 'Basic realm="local cloud"');
      throw new AwsError("UNAUTHORIZED", "Not Authorized", 401);
    }
    if (path === "/v2/" || path === "/v2") return answer(exchange, 200, {}, "");
    const [, name = "", kind = "", rest = ""] = /^\/v2\/(.+?)\/(manifests|blobs|tags)\/(.*)$/.exec(decodeURIComponent(path)) ?? [];
    if (name === "") throw new AwsError("NAME_INVALID", `"${path}" is not a path of the registry`, 404);
    const found = repository(name);
    if (kind === "tags" && rest === "list")
      return answer(exchange, 200, json, JSON.stringify({ name, tags: [...store.tags(name).keys()].sort() }));
    if (kind === "manifests") return manifests(exchange, found, rest);
    if (rest === "uploads/" || rest === "uploads") return beginUpload(exchange, found, url.searchParams);
    if (rest.startsWith("uploads/")) return upload(exchange, found, rest.slice("uploads/".length), url.searchParams);
    return blobs(exchange, found, rest);
  }

  async function manifests(exchange: Exchange, { name, tagMutability }: StoredRepository, reference: string): Promise<void> {
    const { method } = exchange.request;
    if (method === "PUT") {
      const bytes = await readBody(exchange.request);
      const mediaType = header(exchange.request, "content-type") ?? "";
      requireReferences(name, mediaType, bytes);
      const digest = sha256(bytes);
      if (digestForm.test(reference) && reference !== digest) throw new AwsError("DIGEST_INVALID", `The manifest's digest is ${digest}`);
      const on = store.tags(name).get(reference);
      if (tagMutability === "IMMUTABLE" && on !== undefined && on !== digest) {
        throw new AwsError(
          "TAG_INVALID",
          `The image tag '${reference}' already exists in the '${name}' repository and cannot be overwritten because the tag is immutable.`,
        );
      }
      store.putManifest(name, { mediaType, bytes });
      if (!digestForm.test(reference)) store.setTag(name, reference, digest);
      return answer(exchange, 201, { location: `/v2/${name}/manifests/${digest}`, "docker-content-digest": digest }, "");
    }
    if (method !== "GET" && method !== "HEAD") throw new AwsError("UNSUPPORTED", `${method} of a manifest is not supported`, 405);
    const found = manifestBy(name, reference);
    answer(exchange, 200, { "content-type": found.mediaType, "docker-content-digest": found.digest }, found.bytes);
  }

  function manifestBy(name: string, reference: string): StoredManifest {
    const digest = digestForm.test(reference) ? reference : store.tags(name).get(reference);
    const found = digest === undefined ? undefined : store.manifest(name, digest);
    // ECR's manual: "Requests to pull the archived image will fail with a 404 error."
    if (found !== undefined && found.archivedAt === undefined) return found;
    throw new AwsError("MANIFEST_UNKNOWN", `Requested image not found: ${name}:${reference}`, 404);
  }

  function requireReferences(name: string, mediaType: string, bytes: Buffer): void {
    const content = parseManifest(bytes);
    if (content === undefined || mediaType === "") throw new AwsError("MANIFEST_INVALID", "The manifest is not JSON with a media type");
    const missing = indexMediaTypes.has(mediaType)
      ? content.manifests?.find(({ digest }) => store.manifest(name, digest) === undefined)
      : [content.config, ...(content.layers ?? [])].find((part) => part !== undefined && !store.hasBlob(name, part.digest));
    if (missing !== undefined)
      throw new AwsError("MANIFEST_BLOB_UNKNOWN", `The manifest refers to ${missing.digest}, which does not exist`);
  }

  async function blobs(exchange: Exchange, { name }: StoredRepository, digest: string): Promise<void> {
    if (!digestForm.test(digest) || !store.hasBlob(name, digest))
      throw new AwsError("BLOB_UNKNOWN", `${digest} does not exist in ${name}`, 404);
    const { method } = exchange.request;
    if (method !== "GET" && method !== "HEAD") throw new AwsError("UNSUPPORTED", `${method} of a blob is not supported`, 405);
    exchange.response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": store.blobSize(digest),
      "docker-content-digest": digest,
    });
    if (method === "HEAD") exchange.response.end();
    else await pipeline(store.openBlob(digest), exchange.response);
  }

  /** An upload begins with POST; a blob of another repository may be mounted instead. */
  async function beginUpload(exchange: Exchange, found: StoredRepository, query: URLSearchParams): Promise<void> {
    if (exchange.request.method !== "POST") throw new AwsError("UNSUPPORTED", "an upload begins with POST", 405);
    const [mount, from] = [query.get("mount"), query.get("from")];
    if (mount !== null && from !== null && store.repository(from) !== undefined && store.hasBlob(from, mount)) {
      store.linkBlob(found.name, mount);
      await drain(exchange.request);
      return answer(exchange, 201, { location: `/v2/${found.name}/blobs/${mount}`, "docker-content-digest": mount }, "");
    }
    const id = randomUUID();
    const digest = query.get("digest");
    if (digest !== null) return finishUpload(exchange, found, id, digest);
    await drain(exchange.request);
    answer(exchange, 202, uploadHeaders(found.name, id, 0), "");
  }

  async function upload(exchange: Exchange, found: StoredRepository, id: string, query: URLSearchParams): Promise<void> {
    if (!/^[0-9a-f-]{36}$/.test(id)) throw new AwsError("BLOB_UPLOAD_UNKNOWN", `upload ${id} does not exist`, 404);
    switch (exchange.request.method) {
      case "PATCH": {
        await pipeline(exchange.request, createWriteStream(partPath(id), { flags: "a" }));
        return answer(exchange, 202, uploadHeaders(found.name, id, statSync(partPath(id)).size), "");
      }
      case "PUT":
        return finishUpload(exchange, found, id, query.get("digest") ?? "");
      case "DELETE":
        rmSync(partPath(id), { force: true });
        return answer(exchange, 204, {});
      case "GET":
        return answer(exchange, 204, uploadHeaders(found.name, id, existsSync(partPath(id)) ? statSync(partPath(id)).size : 0));
      default:
        throw new AwsError("UNSUPPORTED", `${exchange.request.method} of an upload is not supported`, 405);
    }
  }

  async function finishUpload(exchange: Exchange, { name }: StoredRepository, id: string, digest: string): Promise<void> {
    const path = partPath(id);
    await pipeline(exchange.request, createWriteStream(path, { flags: "a" }));
    const actual = await digestOfFile(path);
    if (actual !== digest) {
      rmSync(path, { force: true });
      throw new AwsError("DIGEST_INVALID", `the upload's digest is ${actual}, not ${digest}`);
    }
    store.adoptBlob(name, digest, path);
    answer(exchange, 201, { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest }, "");
  }

  function partPath(id: string): string {
    return join(store.uploads, id);
  }

  return {
    serve,
    sendError(exchange, { code, message, status }) {
      answer(exchange, status, json, JSON.stringify({ errors: [{ code, message }] }));
    },
  };
}

const json = { "content-type": "application/json" } as const;

function uploadHeaders(name: string, id: string, size: number): Record<string, string> {
  return { location: `/v2/${name}/blobs/uploads/${id}`, "docker-upload-uuid": id, range: `0-${Math.max(0, size - 1)}` };
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
