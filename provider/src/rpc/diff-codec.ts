import pulumiPb, { type DiffResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import type { DetailedDiff, DiffKind } from "../resources/resource.ts";

const { Kind } = pulumiPb.PropertyDiff;
const kinds = {
  add: Kind.ADD,
  addReplace: Kind.ADD_REPLACE,
  delete: Kind.DELETE,
  deleteReplace: Kind.DELETE_REPLACE,
  update: Kind.UPDATE,
  updateReplace: Kind.UPDATE_REPLACE,
} as const satisfies Record<DiffKind, unknown>;
const replacing: ReadonlySet<DiffKind> = new Set<DiffKind>(["addReplace", "deleteReplace", "updateReplace"]);

/** Paths go into the detailed diff; `diffs` and `replaces` take top-level names only (provider.proto). */
export function encodeDiff(diff: DetailedDiff): DiffResponse {
  const response = new pulumiPb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = pulumiPb.DiffResponse.DiffChanges;
  response.setChanges(diff.size === 0 ? DIFF_NONE : DIFF_SOME);
  response.setHasdetaileddiff(true);
  const paths = [...diff.entries()];
  response.setDiffsList(topLevel(paths.map(([path]) => path)));
  response.setReplacesList(topLevel(paths.filter(([, kind]) => replacing.has(kind)).map(([path]) => path)));
  for (const [path, kind] of paths) {
    const property = new pulumiPb.PropertyDiff();
    property.setKind(kinds[kind]);
    property.setInputdiff(true);
    response.getDetaileddiffMap().set(path, property);
  }
  return response;
}

function topLevel(paths: readonly string[]): string[] {
  return [...new Set(paths.map((path) => /^[^.[]+/.exec(path)?.[0] ?? path))];
}
