import type {
  BatchDeleteImageRequest,
  BatchDeleteImageResponse,
  BatchGetImageRequest,
  BatchGetImageResponse,
  DescribeImagesRequest,
  DescribeImagesResponse,
  ECRClient,
  GetDownloadUrlForLayerRequest,
  PutImageRequest,
} from "@aws-sdk/client-ecr";
import type { AwsClientConfig } from "../support/aws-client-config.ts";

/** The calls we make to ECR, and no others. */
export interface EcrApi {
  batchGetImage(input: BatchGetImageRequest, signal: AbortSignal): Promise<BatchGetImageResponse>;
  describeImages(input: DescribeImagesRequest, signal: AbortSignal): Promise<DescribeImagesResponse>;
  putImage(input: PutImageRequest, signal: AbortSignal): Promise<void>;
  batchDeleteImage(input: BatchDeleteImageRequest, signal: AbortSignal): Promise<BatchDeleteImageResponse>;
  /** The bytes of a small blob, such as an image's configuration. */
  blob(input: GetDownloadUrlForLayerRequest, signal: AbortSignal): Promise<string>;
}

/** ECR through the SDK, which is loaded at the first call. */
export function createEcrApi(config: AwsClientConfig): EcrApi {
  let loaded: Promise<{ sdk: typeof import("@aws-sdk/client-ecr"); client: ECRClient }> | undefined;
  const load = () => {
    loaded ??= import("@aws-sdk/client-ecr").then((sdk) => ({ sdk, client: new sdk.ECRClient(config) }));
    return loaded;
  };
  return {
    async batchGetImage(input, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.BatchGetImageCommand(input), { abortSignal: signal });
    },
    async describeImages(input, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.DescribeImagesCommand(input), { abortSignal: signal });
    },
    async putImage(input, signal) {
      const { sdk, client } = await load();
      await client.send(new sdk.PutImageCommand(input), { abortSignal: signal });
    },
    async batchDeleteImage(input, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.BatchDeleteImageCommand(input), { abortSignal: signal });
    },
    async blob(input, signal) {
      const { sdk, client } = await load();
      const { downloadUrl } = await client.send(new sdk.GetDownloadUrlForLayerCommand(input), { abortSignal: signal });
      const response = await fetch(downloadUrl ?? "", { signal });
      if (!response.ok)
        throw Object.assign(new Error(`GET of a blob answered ${response.status}`), { $metadata: { httpStatusCode: response.status } });
      return response.text();
    },
  };
}
