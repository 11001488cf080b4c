/** One cell of the preview matrix: a situation, and what the preview must say about `digest` and `imageUri`. */
export interface PreviewCell {
  readonly operation: "create" | "update";
  readonly content: "in ECR" | "not in ECR";
  readonly repository: "exists" | "does not exist yet";
  readonly unknown: "nothing" | "repositoryUrl" | "a build arg" | "a platform" | "project";
  /** `known`: the digest the registry has. `unknown`: never "". */
  readonly digest: "known" | "unknown";
}

const operations = ["create", "update"] as const;
const contents = ["in ECR", "not in ECR"] as const;
const repositories = ["exists", "does not exist yet"] as const;
const unknowns = ["nothing", "repositoryUrl", "a build arg", "a platform", "project"] as const;

/** Every combination that can be. Content can be in no repository that does not exist; nothing is updated in one either. */
export const previewCells: readonly PreviewCell[] = operations.flatMap((operation) =>
  contents.flatMap((content) =>
    repositories.flatMap((repository) =>
      unknowns.flatMap((unknown): PreviewCell[] => {
        if (repository === "does not exist yet" && (content === "in ECR" || operation === "update")) return [];
        // The project decides nothing that is in an image: not knowing it hides nothing.
        const tells = content === "in ECR" && (unknown === "nothing" || unknown === "project");
        return [{ operation, content, repository, unknown, digest: tells ? "known" : "unknown" }];
      }),
    ),
  ),
);

export function nameOf({ operation, content, repository, unknown, digest }: PreviewCell): string {
  return `${operation}, content ${content}, repository ${repository}, ${unknown} unknown: digest ${digest}`;
}
