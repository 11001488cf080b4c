import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { Clock } from "../support/clock.ts";
import { coalesce } from "../support/coalesce.ts";
import type { Operation } from "../support/operation.ts";
import type { FoundImage, LocatedImage } from "./image-registry.ts";

/** Reference → what it is on: a tag or a digest, as text. */
type Answers<Image extends LocatedImage> = ReadonlyMap<string, Image | CloudBuildError>;

export interface Listing {
  readonly images: ReadonlyMap<string, LocatedImage>;
  /** Whether it is all that the repository holds, so that what is not in it is not there. */
  readonly complete: boolean;
}

export interface LocatorOptions {
  readonly clock: Clock;
  /** The most references one lookup may carry. */
  readonly maxIds: number;
  /** How long a lookup waits for more callers, in milliseconds. */
  readonly windowMs: number;
  /** Looks up these references in one call. One that it leaves out is not there. */
  readonly lookUp: (references: readonly string[]) => Promise<Answers<FoundImage>>;
  /** Lists the repository in one call. Never rejects: what it could not list is looked up. */
  readonly list: () => Promise<Listing>;
}

export interface Locator {
  locate(reference: string, operation: Operation): Promise<LocatedImage | undefined>;
  /** To be called when something in the repository was changed. */
  forget(): void;
}

/** One pass of many resources over one repository. */
interface Pass {
  readonly startedAt: number;
  /** Who asked, by URN, and what. */
  readonly asked: Map<string, Set<string>>;
  readonly ask: (reference: string, signal: AbortSignal) => Promise<LocatedImage | CloudBuildError | undefined>;
  listed?: Listing;
}

// Where so many ask, there are more to come: the engine hands over four for each core at a time.
const many = 5;
// How old an answer may be. Long enough for the engine to hand over a few hundred resources.
const lifetimeMs = 10_000;

/**
 * Locates the images of many resources in one call or two, although the engine hands over the next resources only when it has the answers for
 * the last ones: as soon as five resources have asked, the whole repository is listed. Whoever asks the same a second time begins a new pass,
 * and so never hears an old answer again.
 */
export function createLocator({ clock, maxIds, windowMs, lookUp, list }: LocatorOptions): Locator {
  let pass: Pass | undefined;

  function begin(): Pass {
    let listing: Promise<Listing> | undefined;
    const begun: Pass = {
      startedAt: clock.now(),
      asked: new Map(),
      ask: coalesce<string, LocatedImage | CloudBuildError>({ clock, windowMs, maxBatch: maxIds, run }),
    };
    return begun;

    async function run(references: readonly string[]): Promise<Answers<LocatedImage>> {
      if (begun.asked.size < many) return lookUp(references);
      listing ??= list();
      const { images, complete } = (begun.listed = await listing);
      const others = complete ? [] : references.filter((reference) => !images.has(reference));
      return others.length === 0 ? images : new Map<string, LocatedImage | CloudBuildError>([...images, ...(await lookUp(others))]);
    }
  }

  return {
    async locate(reference, { urn, signal }) {
      if (pass === undefined || clock.now() - pass.startedAt > lifetimeMs || pass.asked.get(urn)?.has(reference)) pass = begin();
      pass.asked.set(urn, (pass.asked.get(urn) ?? new Set()).add(reference));
      const listed = pass.listed?.images.get(reference);
      if (listed !== undefined || pass.listed?.complete === true) return listed;
      const answer = await pass.ask(reference, signal);
      if (answer instanceof CloudBuildError) throw answer;
      return answer;
    },
    forget: () => void (pass = undefined),
  };
}
