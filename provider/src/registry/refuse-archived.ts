import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { Repository } from "../image/repository.ts";
import { formatReference, type DescribedImage, type ImageReference, type ImageRegistry } from "./image-registry.ts";

/**
 * Asked where `find` found nothing, before anybody concludes that an image is gone: an archived image cannot be pulled, but it is there.
 * Rejects with "image-archived" then; `undefined` means definitely not there.
 */
export async function refuseArchived(
  repository: Repository,
  reference: ImageReference,
  registry: ImageRegistry,
  signal: AbortSignal,
): Promise<DescribedImage | undefined> {
  const described = await registry.describe(repository, reference, signal);
  const name = `"${formatReference(repository, reference)}"`;
  switch (described?.status) {
    case "archived": {
      const restore = `aws ecr update-image-storage-class --repository-name ${repository.name} --image-id imageDigest=${described.digest} --target-storage-class STANDARD`;
      throw new CloudBuildError("image-archived", `${name} is in ECR's archive, where nothing can pull it`, {
        hint: `restore it (\`${restore}\`), which takes up to 20 minutes, and run again; or delete it, to have it built anew`,
      });
    }
    case "activating":
      throw new CloudBuildError("image-archived", `${name} is being restored from ECR's archive, and cannot be pulled yet`, {
        hint: "run again when it is active, which takes up to 20 minutes",
      });
    case "active":
    case undefined:
      return described;
  }
}
