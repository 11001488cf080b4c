import type { FilteredLogEvent } from "@aws-sdk/client-cloudwatch-logs";
import type { AwsClientConfig } from "../../support/aws-client-config.ts";
import { once } from "../../support/once.ts";

/** The calls we make to CloudWatch Logs, and no others. */
export interface LogsApi {
  /** One page of FilterLogEvents. */
  filterLogEvents(
    input: { logGroupName: string; logStreamNames: string[]; startTime: number; nextToken?: string },
    signal: AbortSignal,
  ): Promise<{ events?: FilteredLogEvent[] | undefined; nextToken?: string | undefined }>;
  /** The last `limit` events of a stream, oldest first. */
  lastLogEvents(
    input: { logGroupName: string; logStreamName: string; limit: number },
    signal: AbortSignal,
  ): Promise<{ events?: readonly { message?: string | undefined }[] | undefined }>;
}

/** CloudWatch Logs through the SDK, which is loaded at the first call. */
export function createLogsApi(config: AwsClientConfig): LogsApi {
  const load = once(async () => {
    const sdk = await import("@aws-sdk/client-cloudwatch-logs");
    return { sdk, client: new sdk.CloudWatchLogsClient(config) };
  });
  return {
    async filterLogEvents(input, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.FilterLogEventsCommand(input), { abortSignal: signal });
    },
    async lastLogEvents(input, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.GetLogEventsCommand({ ...input, startFromHead: false }), { abortSignal: signal });
    },
  };
}
