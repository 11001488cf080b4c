/** One cell of the preview matrix: a situation of one image. */
export interface PreviewCell {
  readonly operation: "create" | "update" | "no change";
  /** Of the content that the program asks for. */
  readonly content: "in ECR" | "not in ECR";
  readonly repository: "exists" | "does not exist yet";
  /** What is not known in the preview, because it comes from a resource that is still to change; it turns out to be what it is elsewhere. */
  readonly unknown: "nothing" | "repositoryUrl" | "a build arg" | "a platform" | "project";
}

/**
 * What is said about `digest` and `imageUri`. `kept`: exactly what they were. `found`: what the registry has for this content. `unknown`:
 * only a build can tell, never "". `built`: what a build pushed.
 */
export type Told = "kept" | "found" | "unknown" | "built";

/** The ways through Pulumi. With `--target`, what makes inputs unknown is left out of the targets: it keeps its outputs, and all is known. */
export const ways = ["preview", "preview --refresh", "preview --target", "up", "up --plan", "up --target"] as const;
export type Way = (typeof ways)[number];

const operations = ["create", "update", "no change"] as const;
const contents = ["in ECR", "not in ECR"] as const;
const repositories = ["exists", "does not exist yet"] as const;
const unknowns = ["nothing", "repositoryUrl", "a build arg", "a platform", "project"] as const;

/** Every combination that can be. Only a create can meet a repository that does not exist yet, and no content is in one. */
export const previewCells: readonly PreviewCell[] = operations.flatMap((operation) =>
  contents.flatMap((content) =>
    repositories.flatMap((repository) =>
      unknowns.flatMap((unknown): PreviewCell[] => {
        if (repository === "does not exist yet" && (content === "in ECR" || operation !== "create")) return [];
        return [{ operation, content, repository, unknown }];
      }),
    ),
  ),
);

export function tell({ operation, content, unknown }: PreviewCell, way: Way): Told {
  const seesUnknowns = way === "preview" || way === "preview --refresh";
  // The project decides nothing that is in an image: not knowing it hides nothing.
  const hidden = seesUnknowns && unknown !== "nothing" && unknown !== "project";
  // Only a refresh asks whether what did not change is still there.
  const gone = operation === "no change" && content === "not in ECR" && way === "preview --refresh";
  if (operation === "no change" && !gone) return hidden ? "unknown" : "kept";
  if (content === "in ECR" && !hidden) return "found";
  return way.startsWith("up") ? "built" : "unknown";
}

export function nameOf({ operation, content, repository, unknown }: PreviewCell): string {
  return `${operation}, content ${content}, repository ${repository}, ${unknown} unknown`;
}
