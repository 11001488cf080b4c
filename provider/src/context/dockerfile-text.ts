import { createHash } from "node:crypto";
import { parseDockerfile, requireTarget } from "./dockerfile.ts";

/** A Dockerfile that was read, and holds the target that is wanted of it. */
export interface DockerfileText {
  readonly bytes: Buffer;
  /** Hex. */
  readonly sha256: string;
}

export function readDockerfileText(bytes: Buffer, target: string | undefined): DockerfileText {
  const stages = parseDockerfile(bytes.toString("utf8"));
  if (target !== undefined) requireTarget(stages, target);
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}
