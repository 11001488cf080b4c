import type { BuildRequest } from "../../provider/src/build/build-request.ts";
import { parseRepository } from "../../provider/src/image/repository.ts";

export function buildRequest(overrides: Partial<BuildRequest> = {}): { -readonly [Name in keyof BuildRequest]: BuildRequest[Name] } {
  return {
    project: "builder",
    repository: parseRepository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app"),
    contentTag: "cb-0123456789abcdef0123456789abcdef",
    platform: { os: "linux", architecture: "amd64" },
    context: { kind: "archive", object: { bucket: "contexts", key: "cloudbuild/contexts/aaaa.tar.gz" } },
    contexts: {},
    dockerfile: { kind: "shipped", object: { bucket: "contexts", key: "cloudbuild/dockerfiles/bbbb/Dockerfile" } },
    buildArgs: {},
    labels: {},
    secrets: {},
    recipe: "generated",
    reproducible: false,
    timeoutMinutes: 62,
    ...overrides,
  };
}
