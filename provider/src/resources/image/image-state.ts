import { createHash } from "node:crypto";
import { CloudBuildError } from "../../errors/cloudbuild-error.ts";
import type { Digest } from "../../image/digest.ts";
import type { Repository } from "../../image/repository.ts";
import type { PropertyMap, PropertyValue } from "../property-value.ts";

/** How the image came to be there: `built` now, `adopted` from a build that ran already, `reused` as found, `retagged` without a build. */
export type Outcome = "built" | "adopted" | "reused" | "retagged";

/** What an operation found out about the image. */
export interface SettledImage {
  readonly digest: Digest;
  /** Platform → digest: the one of a single image, the children of an index. */
  readonly platformDigests: Readonly<Record<string, Digest>>;
  readonly outcome: Outcome;
  /** Of the build that made it, when this operation saw one; of several, the last to end. */
  readonly build?: { readonly id: string; readonly seconds: number; readonly logsUrl?: string };
}

/**
 * The form of the state that this version writes. Absent: 0.1.0, which differs only in not saying it. A change of form raises it, reads the
 * earlier ones, and keeps a state of each in `tests/golden/state`.
 */
export const stateVersion = 1;

/** Refuses a state of a form that is not known yet: whoever wrote it knew more than we do. */
export function requireKnownState(state: PropertyMap): void {
  const version = state["stateVersion"];
  if (typeof version !== "number" || version <= stateVersion) return;
  throw new CloudBuildError(
    "state-newer",
    `this resource's state has form ${version}, and this version of the provider knows ${stateVersion}`,
  );
}

/** The outputs: every input as it was given, and what the provider found out. Nothing in it expires. */
export function imageState(
  inputs: PropertyMap,
  plan: { repository: Repository; tags: readonly string[]; contentTag: string },
  image: SettledImage,
): PropertyMap {
  const { digest, platformDigests, outcome, build } = image;
  return {
    ...inputs,
    ...present({
      imageUri: `${plan.repository.url}@${digest}`,
      digest,
      platformDigests,
      contentTag: plan.contentTag,
      tags: [...plan.tags],
      outcome,
      buildId: build?.id,
      logsUrl: build?.logsUrl,
      duration: build?.seconds,
      stateVersion,
    }),
  };
}

/** The resource's ID: made once, at Create or import, never changed. It names the resource, so two of one repository never share it. */
export function imageId(repository: Repository, urn: string): string {
  return `${repository.url}#${createHash("sha256").update(urn).digest("hex").slice(0, 12)}`;
}

function present(values: Readonly<Record<string, PropertyValue | undefined>>): PropertyMap {
  return Object.fromEntries(Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}
