import { AwsError } from "../aws-error.ts";
import type { JsonService } from "../http/aws-json.ts";
import { epochSeconds, reader, type Json, type JsonObject, type Reader } from "../json.ts";
import { pageOf } from "../page.ts";
import { blobUrl } from "./blob-url.ts";
import { sha256, type ImageStore, type StoredManifest, type StoredRepository } from "./image-store.ts";
import { imageSize, indexMediaTypes, parseManifest } from "./manifest.ts";

const maxIds = 100;
// How much DescribeImages and ListImages answer at a time.
const [defaultPage, largestPage] = [100, 1000];

export interface EcrOptions {
  readonly store: ImageStore;
  readonly accountId: string;
  readonly region: string;
  /** `http://127.0.0.1:port`, asked when it is known. */
  readonly endpoint: () => string;
  /** What `docker login -u AWS` takes for a password. */
  readonly password: string;
}

interface ImageId {
  readonly imageTag?: string;
  readonly imageDigest?: string;
}

export function createEcr({ store, accountId, region, endpoint, password }: EcrOptions): JsonService {
  const read = (input: JsonObject): Reader => reader(input, "InvalidParameterException");

  function repository(input: Reader): StoredRepository {
    const name = input.requiredText("repositoryName");
    const registryId = input.text("registryId") ?? accountId;
    const found = registryId === accountId ? store.repository(name) : undefined;
    if (found !== undefined) return found;
    throw new AwsError(
      "RepositoryNotFoundException",
      `The repository with name '${name}' does not exist in the registry with id '${registryId}'`,
    );
  }

  function imageId(id: JsonObject): ImageId {
    const one = read(id);
    const [imageTag, imageDigest] = [one.text("imageTag"), one.text("imageDigest")];
    return { ...(imageTag === undefined ? {} : { imageTag }), ...(imageDigest === undefined ? {} : { imageDigest }) };
  }

  function imageIds(input: Reader): ImageId[] {
    const ids = input.requiredObjects("imageIds").map(imageId);
    if (ids.length < 1 || ids.length > maxIds) throw new AwsError("InvalidParameterException", `imageIds must hold 1 to ${maxIds} members`);
    return ids;
  }

  function digestOf(name: string, { imageTag, imageDigest }: ImageId): string | undefined {
    const tagged = imageTag === undefined ? undefined : store.tags(name).get(imageTag);
    if (imageTag !== undefined && (tagged === undefined || (imageDigest !== undefined && tagged !== imageDigest))) return undefined;
    return tagged ?? imageDigest;
  }

  function find(name: string, id: ImageId): StoredManifest | undefined {
    const digest = digestOf(name, id);
    return digest === undefined ? undefined : store.manifest(name, digest);
  }

  const describeRepository = ({ name, createdAt, tagMutability }: StoredRepository): JsonObject => ({
    repositoryArn: `arn:aws:ecr:${region}:${accountId}:repository/${name}`,
    registryId: accountId,
    repositoryName: name,
    repositoryUri: `${new URL(endpoint()).host}/${name}`,
    createdAt: epochSeconds(createdAt),
    imageTagMutability: tagMutability,
    imageScanningConfiguration: { scanOnPush: false },
    encryptionConfiguration: { encryptionType: "AES256" },
  });

  function describeImage(name: string, { digest, mediaType, bytes, pushedAt, archivedAt }: StoredManifest): JsonObject {
    const tags = [...store.tags(name)].filter(([, on]) => on === digest).map(([tag]) => tag);
    return {
      registryId: accountId,
      repositoryName: name,
      imageDigest: digest,
      ...(tags.length > 0 ? { imageTags: tags } : {}),
      imageSizeInBytes: imageSize(parseManifest(bytes)),
      imagePushedAt: epochSeconds(pushedAt),
      imageManifestMediaType: mediaType,
      imageStatus: archivedAt === undefined ? "ACTIVE" : "ARCHIVED",
      ...(archivedAt === undefined ? {} : { lastArchivedAt: epochSeconds(archivedAt) }),
    };
  }

  function imageNotFound(name: string, id: ImageId): AwsError {
    return new AwsError(
      "ImageNotFoundException",
      `The image with imageId ${JSON.stringify(id)} does not exist within the repository with name '${name}' in the registry with id '${accountId}'`,
    );
  }

  /** Which images DescribeImages shows: the API says that without a filter only active ones are; that this holds for imageIds, too, is assumed. */
  function shownBy(input: Reader): (image: StoredManifest) => boolean {
    const wanted = read(input.object("filter") ?? {}).text("imageStatus") ?? "ACTIVE";
    return ({ archivedAt }) => wanted === "ANY" || (wanted === "ARCHIVED") === (archivedAt !== undefined);
  }

  function pageSize(input: Reader): number {
    const size = input.number("maxResults") ?? defaultPage;
    if (size >= 1 && size <= largestPage) return size;
    throw new AwsError("InvalidParameterException", `Invalid parameter at 'maxResults': ${size} is not from 1 to ${largestPage}`);
  }

  function mutability(input: Reader): "MUTABLE" | "IMMUTABLE" {
    const value = input.text("imageTagMutability") ?? "MUTABLE";
    if (value === "MUTABLE" || value === "IMMUTABLE") return value;
    throw new AwsError("InvalidParameterException", `imageTagMutability "${value}" is not implemented in the local cloud`);
  }

  return {
    name: "ecr",
    operations: {
      GetAuthorizationToken: () => ({
        authorizationData: [
          {
            authorizationToken: Buffer.from(`AWS:${password}`).toString("base64"),
            expiresAt: epochSeconds(Date.now() + 12 * 3_600_000),
            proxyEndpoint: endpoint(),
          },
        ],
      }),
      CreateRepository(raw) {
        const input = read(raw);
        const name = input.requiredText("repositoryName");
        if (!/^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name)) {
          throw new AwsError("InvalidParameterException", `Invalid parameter at 'repositoryName' failed to satisfy constraint: '${name}'`);
        }
        if (store.repository(name) !== undefined) {
          throw new AwsError(
            "RepositoryAlreadyExistsException",
            `The repository with name '${name}' already exists in the registry with id '${accountId}'`,
          );
        }
        const made: StoredRepository = { name, createdAt: Date.now(), tagMutability: mutability(input) };
        store.putRepository(made);
        return { repository: describeRepository(made) };
      },
      DescribeRepositories(raw) {
        const names = read(raw).texts("repositoryNames");
        const all = names?.map((name) => repository(read({ repositoryName: name }))) ?? store.repositories();
        return { repositories: all.map(describeRepository) };
      },
      DeleteRepository(raw) {
        const input = read(raw);
        const found = repository(input);
        if (input.flag("force") !== true && store.manifests(found.name).length > 0) {
          throw new AwsError(
            "RepositoryNotEmptyException",
            `The repository with name '${found.name}' cannot be deleted because it still contains images`,
          );
        }
        store.deleteRepository(found.name);
        return { repository: describeRepository(found) };
      },
      PutImageTagMutability(raw) {
        const input = read(raw);
        const changed = { ...repository(input), tagMutability: mutability(input) };
        store.putRepository(changed);
        return { registryId: accountId, repositoryName: changed.name, imageTagMutability: changed.tagMutability };
      },
      BatchGetImage(raw) {
        const input = read(raw);
        const { name } = repository(input);
        const images: Json[] = [];
        const failures: Json[] = [];
        for (const id of imageIds(input)) {
          const found = find(name, id);
          // Pulling is BatchGetImage, and pulling an archived image is known to end with a 404; that this is its failure code is assumed.
          if (found === undefined || found.archivedAt !== undefined)
            failures.push({ imageId: { ...id }, failureCode: "ImageNotFound", failureReason: "Requested image not found" });
          else images.push(imageOf(name, found, id.imageTag));
        }
        return { images, failures };
      },
      DescribeImages(raw) {
        const input = read(raw);
        const { name } = repository(input);
        const asked = shownBy(input);
        if (input.objects("imageIds") === undefined) {
          const { shown, more } = pageOf(input, store.manifests(name).filter(asked), pageSize(input));
          return { imageDetails: shown.map((one) => describeImage(name, one)), ...more };
        }
        const found = imageIds(input).map((id) => {
          const image = find(name, id);
          if (image !== undefined && asked(image)) return image;
          throw imageNotFound(name, id);
        });
        return { imageDetails: [...new Map(found.map((one) => [one.digest, one])).values()].map((one) => describeImage(name, one)) };
      },
      ListImages(raw) {
        const input = read(raw);
        const { name } = repository(input);
        const tags = [...store.tags(name)];
        const untagged = store.manifests(name).filter(({ digest }) => tags.every(([, on]) => on !== digest));
        const ids = [
          ...tags.map(([imageTag, imageDigest]) => ({ imageTag, imageDigest })),
          ...untagged.map(({ digest }) => ({ imageDigest: digest })),
        ];
        const { shown, more } = pageOf(input, ids, pageSize(input));
        return { imageIds: shown, ...more };
      },
      UpdateImageStorageClass(raw) {
        const input = read(raw);
        const { name } = repository(input);
        const id = imageId(input.object("imageId") ?? {});
        const image = find(name, id);
        if (image === undefined) throw imageNotFound(name, id);
        const target = input.requiredText("targetStorageClass");
        if (target !== "ARCHIVE" && target !== "STANDARD") {
          throw new AwsError("InvalidParameterException", `Invalid parameter at 'targetStorageClass': '${target}'`);
        }
        // ECR takes up to 20 minutes to restore an image and says ACTIVATING meanwhile; here it is done at once.
        store.setArchived(name, image.digest, target === "ARCHIVE");
        const imageStatus = target === "ARCHIVE" ? "ARCHIVED" : "ACTIVE";
        return { registryId: accountId, repositoryName: name, imageId: { imageDigest: image.digest }, imageStatus };
      },
      PutImage: (raw) => putImage(read(raw)),
      BatchDeleteImage: (raw) => batchDelete(read(raw)),
      BatchCheckLayerAvailability(raw) {
        const input = read(raw);
        const { name } = repository(input);
        const layers = input.requiredTexts("layerDigests").map((layerDigest) => {
          const there = store.hasBlob(name, layerDigest);
          return {
            layerDigest,
            layerAvailability: there ? "AVAILABLE" : "UNAVAILABLE",
            ...(there ? { layerSize: store.blobSize(layerDigest) } : {}),
          };
        });
        return { layers, failures: [] };
      },
      GetDownloadUrlForLayer(raw) {
        const input = read(raw);
        const { name } = repository(input);
        const layerDigest = input.requiredText("layerDigest");
        if (!store.hasBlob(name, layerDigest)) {
          throw new AwsError(
            "LayersNotFoundException",
            `The layer with digest '${layerDigest}' does not exist in the repository with name '${name}'`,
          );
        }
        return { downloadUrl: blobUrl(endpoint(), password, layerDigest), layerDigest };
      },
    },
  };

  function imageOf(name: string, { digest, mediaType, bytes }: StoredManifest, imageTag: string | undefined): JsonObject {
    return {
      registryId: accountId,
      repositoryName: name,
      imageId: { imageDigest: digest, ...(imageTag === undefined ? {} : { imageTag }) },
      imageManifest: bytes.toString("utf8"),
      imageManifestMediaType: mediaType,
    };
  }

  function putImage(input: Reader): Json {
    const found = repository(input);
    const bytes = Buffer.from(input.requiredText("imageManifest"), "utf8");
    const content = parseManifest(bytes);
    const mediaType = input.text("imageManifestMediaType") ?? content?.mediaType;
    if (content === undefined || mediaType === undefined) throw new AwsError("InvalidParameterException", "Invalid image manifest");
    const digest = sha256(bytes);
    const wanted = input.text("imageDigest");
    if (wanted !== undefined && wanted !== digest) {
      throw new AwsError("ImageDigestDoesNotMatchException", `The specified digest '${wanted}' does not match the manifest's, '${digest}'`);
    }
    requireReferences(found.name, mediaType, content);
    const imageTag = input.text("imageTag");
    const stored = store.manifest(found.name, digest);
    const known = stored !== undefined && stored.archivedAt === undefined;
    if (known && (imageTag === undefined || store.tags(found.name).get(imageTag) === digest)) {
      const what = imageTag === undefined ? `digest '${digest}'` : `digest '${digest}' and tag '${imageTag}'`;
      throw new AwsError("ImageAlreadyExistsException", `Image with ${what} already exists in the repository with name '${found.name}'`);
    }
    tag(found, imageTag, digest);
    const put = store.putManifest(found.name, { mediaType, bytes });
    if (imageTag !== undefined) store.setTag(found.name, imageTag, digest);
    return { image: imageOf(found.name, put, imageTag) };
  }

  function tag({ name, tagMutability }: StoredRepository, imageTag: string | undefined, digest: string): void {
    if (imageTag === undefined || tagMutability === "MUTABLE") return;
    const on = store.tags(name).get(imageTag);
    if (on === undefined || on === digest) return;
    throw new AwsError(
      "ImageTagAlreadyExistsException",
      `The image tag '${imageTag}' already exists in the '${name}' repository and cannot be overwritten because the tag is immutable.`,
    );
  }

  function requireReferences(name: string, mediaType: string, content: NonNullable<ReturnType<typeof parseManifest>>): void {
    if (indexMediaTypes.has(mediaType)) {
      const missing = (content.manifests ?? []).find(({ digest }) => store.manifest(name, digest) === undefined);
      if (missing === undefined) return;
      throw new AwsError(
        "ReferencedImagesNotFoundException",
        `The image '${missing.digest}' that the manifest list refers to does not exist in '${name}'`,
      );
    }
    const missing = [content.config, ...(content.layers ?? [])].find((part) => part !== undefined && !store.hasBlob(name, part.digest));
    if (missing === undefined) return;
    throw new AwsError("LayersNotFoundException", `The layer '${missing.digest}' does not exist in the repository with name '${name}'`);
  }

  function batchDelete(input: Reader): Json {
    const { name } = repository(input);
    const deleted: Json[] = [];
    const failures: Json[] = [];
    for (const id of imageIds(input)) {
      const found = find(name, id);
      const fail = (failureCode: string, failureReason: string): number =>
        failures.push({ imageId: { ...id }, failureCode, failureReason });
      if (found === undefined) {
        fail("ImageNotFound", "Requested image not found");
        continue;
      }
      const { digest } = found;
      const tags = [...store.tags(name)].filter(([, on]) => on === digest).map(([one]) => one);
      const leaving = id.imageTag === undefined ? tags : [id.imageTag];
      const last = leaving.length === tags.length;
      const parent = last
        ? store.manifests(name).find(({ bytes }) => parseManifest(bytes)?.manifests?.some((child) => child.digest === digest))
        : undefined;
      if (parent !== undefined) {
        fail("ImageReferencedByManifestList", `Requested image referenced by manifest list: [${parent.digest}]`);
        continue;
      }
      for (const imageTag of leaving) {
        store.deleteTag(name, imageTag);
        deleted.push({ imageDigest: digest, imageTag });
      }
      if (leaving.length === 0) deleted.push({ imageDigest: digest });
      if (last) store.deleteManifest(name, digest);
    }
    return { imageIds: deleted, failures };
  }
}
