import { clientConfig, configuredRegion, customEndpoint, type AwsEnvironment } from "./aws-clients.ts";
import { createCodeBuildApi } from "./backends/codebuild/api.ts";
import { createCodeBuildBackend } from "./backends/codebuild/backend.ts";
import { createBuildLogs } from "./backends/codebuild/build-logs.ts";
import { createLogsApi } from "./backends/codebuild/logs-api.ts";
import { createParametersApi } from "./backends/codebuild/parameters-api.ts";
import { createParkedSecrets } from "./backends/codebuild/parked-secrets.ts";
import { createLogFollower } from "./build/log-follower.ts";
import { createWatcher } from "./build/watcher.ts";
import { createContextReader } from "./context/files/context-reader.ts";
import { createGitRemote } from "./context/sources/git-remote.ts";
import { createS3ContextStore } from "./context/shipping/s3-context-store.ts";
import type { ContextStore } from "./context/shipping/context-store.ts";
import { createSourceResolver } from "./context/sources/source-resolver.ts";
import { userStatCache } from "./context/files/stat-cache.ts";
import { CloudBuildError } from "./errors/cloudbuild-error.ts";
import { createEcrApi } from "./registry/ecr-api.ts";
import { createEcrRegistry } from "./registry/ecr.ts";
import type { Cloud, ImageDeps } from "./resources/image/image-deps.ts";
import type { ProviderConfig } from "./resources/provider/provider-config.ts";
import type { Clock } from "./support/clock.ts";

export interface CloudsOptions {
  readonly config: ProviderConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly userAgent: string;
  readonly baseDir: string;
  readonly clock: Clock;
}

/** Puts the rooms together for one configuration: one set of clients, one watcher and one log follower for each region. */
export function composeImageDeps({ config, env, userAgent, baseDir, clock }: CloudsOptions): ImageDeps {
  const aws: AwsEnvironment = { config, env, userAgent };
  const clouds = new Map<string, Cloud>();
  const reader = createContextReader(config.contextCache ? userStatCache(env, clock) : undefined);
  return {
    clock,
    baseDir,
    defaults: config.image,
    contexts: reader,
    sources: createSourceResolver({ reader, git: createGitRemote({ env }) }),
    customEndpoint: customEndpoint(aws, "ecr") !== undefined,
    cloudFor(ecr) {
      const region = ecr?.region ?? configuredRegion(aws) ?? missingRegion();
      const cloud = clouds.get(region) ?? composeCloud(aws, region, clock);
      clouds.set(region, cloud);
      return cloud;
    },
  };
}

function composeCloud(aws: AwsEnvironment, region: string, clock: Clock): Cloud {
  const logs = createBuildLogs({ api: createLogsApi(clientConfig(aws, "logs", region)), clock });
  const parked = createParkedSecrets({ api: createParametersApi(clientConfig(aws, "ssm", region)), clock });
  const backend = createCodeBuildBackend({ api: createCodeBuildApi(clientConfig(aws, "codebuild", region)), logs, parked, clock });
  const follower = createLogFollower({ logs, clock });
  const stores = new Map<string, ContextStore>();
  return {
    backend,
    follower,
    watcher: createWatcher({ backend, clock, follower }),
    registry: createEcrRegistry({ api: createEcrApi(clientConfig(aws, "ecr", region)), clock }),
    contextStore(bucket) {
      const store = stores.get(bucket) ?? createS3ContextStore({ config: clientConfig(aws, "s3", region), bucket, clock });
      stores.set(bucket, store);
      return store;
    },
  };
}

function missingRegion(): never {
  throw new CloudBuildError(
    "configuration-invalid",
    "the region is not known: the repository's host names none, and the configuration does not either",
    {
      property: "region",
      hint: "set `region` of the cloudbuild provider, or AWS_REGION",
    },
  );
}
