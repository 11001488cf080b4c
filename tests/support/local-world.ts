import { pushBaseImage } from "./base-image.ts";
import { signInWithCrane, startCloudProcess, type CloudProcess } from "./cloud-process.ts";

/** A local cloud in a process of its own, with a repository, a base image to build on, and a registry client. */
export interface LocalWorld extends CloudProcess {
  readonly repositoryUrl: string;
  readonly base: string;
  crane(...args: string[]): string;
}

export async function startWorld(flags: readonly string[] = []): Promise<LocalWorld> {
  const cloud = await startCloudProcess(["--repository", "app", "--repository", "base", ...flags]);
  const { crane, close } = signInWithCrane(cloud);
  return {
    ...cloud,
    crane,
    repositoryUrl: cloud.repositories["app"] ?? "",
    base: pushBaseImage(crane, cloud.repositories["base"] ?? ""),
    async stop(signal) {
      close();
      return cloud.stop(signal);
    },
  };
}
