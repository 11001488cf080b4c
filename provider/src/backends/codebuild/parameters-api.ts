import type { AwsClientConfig } from "../../support/aws-client-config.ts";
import { once } from "../../support/once.ts";

export interface StoredParameter {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** The calls we make to Parameter Store, and no others. Values are written and never read. */
export interface ParametersApi {
  /** Stores an encrypted value; one that is there is overwritten. */
  putSecure(name: string, value: string, signal: AbortSignal): Promise<void>;
  /** One page of what lies below a path, values left out. */
  list(
    path: string,
    nextToken: string | undefined,
    signal: AbortSignal,
  ): Promise<{ parameters: readonly StoredParameter[]; nextToken?: string | undefined }>;
  /** At most ten names; what is not there is no error. */
  delete(names: readonly string[], signal: AbortSignal): Promise<void>;
}

/** Parameter Store through the SDK, which is loaded at the first call. */
export function createParametersApi(config: AwsClientConfig): ParametersApi {
  const load = once(async () => {
    const sdk = await import("@aws-sdk/client-ssm");
    return { sdk, client: new sdk.SSMClient(config) };
  });
  return {
    async putSecure(name, value, signal) {
      const { sdk, client } = await load();
      await client.send(new sdk.PutParameterCommand({ Name: name, Value: value, Type: "SecureString", Overwrite: true }), {
        abortSignal: signal,
      });
    },
    async list(path, nextToken, signal) {
      const { sdk, client } = await load();
      const input = { Path: path, Recursive: true, WithDecryption: false, ...(nextToken === undefined ? {} : { NextToken: nextToken }) };
      const { Parameters = [], NextToken } = await client.send(new sdk.GetParametersByPathCommand(input), { abortSignal: signal });
      const parameters = Parameters.map(({ Name = "", LastModifiedDate }) => ({
        name: Name,
        modifiedAt: LastModifiedDate?.getTime() ?? 0,
      }));
      return { parameters, nextToken: NextToken };
    },
    async delete(names, signal) {
      const { sdk, client } = await load();
      await client.send(new sdk.DeleteParametersCommand({ Names: [...names] }), { abortSignal: signal });
    },
  };
}
