import type { PropertyMap } from "../resources/property-value.ts";
import type { CheckFailure, DetailedDiff, DiffRequest, Offer } from "../resources/resource.ts";

/** What stands behind the door: the provider as the RPC room sees it. The composition root makes one. */
export interface Provider {
  /** The plugin's version, semver without a leading v. */
  readonly version: string;
  /** The package schema as JSON text, with the version in it. */
  schema(): Promise<string>;
  checkConfig(config: PropertyMap): readonly CheckFailure[];
  diffConfig(request: Pick<DiffRequest, "oldInputs" | "newInputs">): DetailedDiff;
  /** Makes what there is under this configuration. May be called again with another one. */
  configure(config: PropertyMap): Offer;
}
