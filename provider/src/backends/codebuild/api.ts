import type {
  BatchGetBuildsOutput,
  BatchGetProjectsOutput,
  ListBuildsForProjectOutput,
  StartBuildInput,
  StartBuildOutput,
  StopBuildOutput,
} from "@aws-sdk/client-codebuild";
import type { AwsClientConfig } from "../../support/aws-client-config.ts";
import { once } from "../../support/once.ts";

/** The calls we make to CodeBuild, and no others. */
export interface CodeBuildApi {
  startBuild(input: StartBuildInput): Promise<StartBuildOutput>;
  batchGetBuilds(ids: readonly string[], signal: AbortSignal): Promise<BatchGetBuildsOutput>;
  /** The newest page, at most 100 IDs, newest first. */
  listBuildsForProject(projectName: string, signal: AbortSignal): Promise<ListBuildsForProjectOutput>;
  batchGetProjects(names: readonly string[], signal: AbortSignal): Promise<BatchGetProjectsOutput>;
  stopBuild(id: string, signal: AbortSignal): Promise<StopBuildOutput>;
}

/** CodeBuild through the SDK, which is loaded at the first call: a plugin that only checks and diffs never pays for it. */
export function createCodeBuildApi(config: AwsClientConfig): CodeBuildApi {
  const load = once(async () => {
    const sdk = await import("@aws-sdk/client-codebuild");
    return { sdk, client: new sdk.CodeBuildClient(config) };
  });
  return {
    async startBuild(input) {
      const { sdk, client } = await load();
      return client.send(new sdk.StartBuildCommand(input));
    },
    async batchGetBuilds(ids, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.BatchGetBuildsCommand({ ids: [...ids] }), { abortSignal: signal });
    },
    async listBuildsForProject(projectName, signal) {
      const { sdk, client } = await load();
      // No sortOrder: newest first is the default, and naming it is an error for projects with more than 100 builds.
      return client.send(new sdk.ListBuildsForProjectCommand({ projectName }), { abortSignal: signal });
    },
    async batchGetProjects(names, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.BatchGetProjectsCommand({ names: [...names] }), { abortSignal: signal });
    },
    async stopBuild(id, signal) {
      const { sdk, client } = await load();
      return client.send(new sdk.StopBuildCommand({ id }), { abortSignal: signal });
    },
  };
}
