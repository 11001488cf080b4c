import type { CloudWatchLogsClient, FilteredLogEvent } from "@aws-sdk/client-cloudwatch-logs";
import type { AwsClientConfig } from "../../support/aws-client-config.ts";

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
  let loaded: Promise<{ sdk: typeof import("@aws-sdk/client-cloudwatch-logs"); client: CloudWatchLogsClient }> | undefined;
  const load = () => {
    loaded ??= import("@aws-sdk/client-cloudwatch-logs").then((sdk) => ({ sdk, client: new sdk.CloudWatchLogsClient(config) }));
    return loaded;
  };
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
