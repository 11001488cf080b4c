import type { StartBuildInput } from "@aws-sdk/client-codebuild";
import type { Platform } from "../../image/platform.ts";

export type MachineOverride = Pick<StartBuildInput, "environmentTypeOverride" | "imageOverride" | "imagePullCredentialsTypeOverride">;

type Architecture = "x86" | "arm";

/** Environment types that can run the Docker daemon, by the machine they give. Lambda, Windows and macOS types cannot build Linux images. */
const architectureOf: Readonly<Record<string, Architecture>> = {
  LINUX_CONTAINER: "x86",
  LINUX_EC2: "x86",
  LINUX_GPU_CONTAINER: "x86",
  ARM_CONTAINER: "arm",
  ARM_EC2: "arm",
};

/** AWS's curated images with Docker and buildx, in the maintained major version (aws/aws-codebuild-docker-images). */
const machines = {
  x86: { environmentTypeOverride: "LINUX_CONTAINER", imageOverride: "aws/codebuild/amazonlinux-x86_64-standard:5.0" },
  arm: { environmentTypeOverride: "ARM_CONTAINER", imageOverride: "aws/codebuild/amazonlinux-aarch64-standard:3.0" },
} as const satisfies Record<Architecture, MachineOverride>;

/** The machine that builds a platform natively: the project's own if its architecture fits, so that its image and fleet stay in use. */
export function machineFor(platform: Platform, environmentType: string | undefined): MachineOverride {
  const wanted: Architecture = platform.architecture.startsWith("arm") ? "arm" : "x86";
  if (environmentType !== undefined && architectureOf[environmentType] === wanted) return {};
  return { ...machines[wanted], imagePullCredentialsTypeOverride: "CODEBUILD" };
}
