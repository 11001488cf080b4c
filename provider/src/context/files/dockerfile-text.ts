import { createHash } from "node:crypto";
import { parseDockerfile, requireTarget } from "./dockerfile.ts";

/** A Dockerfile that was read. */
export interface DockerfileText {
  readonly bytes: Buffer;
  /** Hex. */
  readonly sha256: string;
}

export function dockerfileText(bytes: Buffer): DockerfileText {
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Refuses a Dockerfile that surely cannot be built, or has no such target. */
export function checkDockerfile({ bytes }: DockerfileText, target: string | undefined): void {
  const stages = parseDockerfile(bytes.toString("utf8"));
  if (target !== undefined) requireTarget(stages, target);
}
