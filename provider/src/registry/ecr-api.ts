import type {
  BatchDeleteImageRequest,
  BatchDeleteImageResponse,
  BatchGetImageRequest,
  BatchGetImageResponse,
  DescribeImagesRequest,
  DescribeImagesResponse,
  GetDownloadUrlForLayerRequest,
  PutImageRequest,
} from "@aws-sdk/client-ecr";
import type { AwsClientConfig } from "../support/aws-client-config.ts";
import { once } from "../support/once.ts";

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
  const load = once(async () => {
    const sdk = await import("@aws-sdk/client-ecr");
    return { sdk, client: new sdk.ECRClient(config) };
  });
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
