import type { BuildBackend } from "../../build/build-backend.ts";
import type { LogFollower } from "../../build/log-follower.ts";
import type { Watcher } from "../../build/watcher.ts";
import type { ContextReader } from "../../context/files/context-reader.ts";
import type { ContextStore } from "../../context/shipping/context-store.ts";
import type { SourceResolver } from "../../context/sources/source-resolver.ts";
import type { ImageRegistry } from "../../registry/image-registry.ts";
import type { Clock } from "../../support/clock.ts";
import type { ImageDefaults } from "./image-args.ts";

/** The cloud as one region of one account shows it. */
export interface Cloud {
  readonly registry: ImageRegistry;
  readonly backend: BuildBackend;
  readonly watcher: Watcher;
  readonly follower: LogFollower;
  contextStore(bucket: string): ContextStore;
}

export interface ImageDeps {
  readonly clock: Clock;
  readonly defaults: ImageDefaults;
  /** Where relative paths begin: the program's folder. */
  readonly baseDir: string;
  readonly contexts: ContextReader;
  readonly sources: SourceResolver;
  /**
   * The cloud of a region: that of the repository's host, or of the configuration where the host is not an ECR host.
   * Throws "configuration-invalid" when the configuration would have to name one and does not.
   */
  cloudFor(ecr: { readonly region: string } | undefined): Cloud;
  /** True when a custom endpoint is configured, so that a registry other than ECR may be meant. */
  readonly customEndpoint: boolean;
}
