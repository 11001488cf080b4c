import type { AssumeRole, ProviderConfig, ServiceName } from "./resources/provider/provider-config.ts";
import type { AwsClientConfig, AwsCredentials } from "./support/aws-client-config.ts";
import { once } from "./support/once.ts";

export interface AwsEnvironment {
  readonly config: Pick<ProviderConfig, "region" | "profile" | "assumeRole" | "endpoints">;
  readonly env: NodeJS.ProcessEnv;
  readonly userAgent: string;
}

type CredentialProvider = () => Promise<AwsCredentials>;

/** The region of calls that no repository's host decides: the configuration's, then the environment's. */
export function configuredRegion({ config, env }: AwsEnvironment): string | undefined {
  return config.region ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
}

/** The URL a service is reached at, when it is not its usual one. The SDK reads the environment's by itself. */
export function customEndpoint({ config, env }: AwsEnvironment, service: ServiceName): string | undefined {
  return config.endpoints[service] ?? env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? env["AWS_ENDPOINT_URL"];
}

/** The settings of one service's client. Credentials come from the SDK's own chain unless the configuration names others. */
export function clientConfig(aws: AwsEnvironment, service: ServiceName, region: string): AwsClientConfig {
  const endpoint = customEndpoint(aws, service);
  const credentials = credentialsOf(aws, region);
  return {
    region,
    customUserAgent: aws.userAgent,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoint !== undefined && service === "s3" ? { forcePathStyle: true } : {}),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function credentialsOf(aws: AwsEnvironment, region: string): CredentialProvider | undefined {
  const { profile, assumeRole } = aws.config;
  if (profile === undefined && assumeRole === undefined) return undefined;
  const provider = once(async (): Promise<CredentialProvider> => {
    const sdk = await import("@aws-sdk/credential-providers");
    const base = sdk.fromNodeProviderChain(profile === undefined ? {} : { profile });
    if (assumeRole === undefined) return base;
    const endpoint = customEndpoint(aws, "sts");
    return sdk.fromTemporaryCredentials({
      masterCredentials: base,
      params: roleParameters(assumeRole),
      clientConfig: { region, ...(endpoint === undefined ? {} : { endpoint }) },
    });
  });
  return async () => (await provider())();
}

function roleParameters({ roleArn, sessionName, externalId, durationSeconds }: AssumeRole) {
  return {
    RoleArn: roleArn,
    RoleSessionName: sessionName ?? "pulumi-cloudbuild",
    ...(externalId === undefined ? {} : { ExternalId: externalId }),
    ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
  };
}
