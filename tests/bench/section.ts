import type { Tree } from "./tree.ts";

/** What the sections share: made before the first one, removed after the last. */
export interface Bench {
  readonly trees: readonly Tree[];
  /** Empty, for caches and whatever else a section keeps; gone afterwards. */
  readonly scratch: string;
}

/** One line of the report. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  /** What it is compared with, and how long that took in the same run. */
  readonly beside?: string;
  /** Ours in relation to it, or it in relation to ours. */
  readonly ratio?: string;
  readonly goal?: { readonly text: string; readonly met: boolean };
}

/** One idea of the benchmark. To add one, write a file beside this and list it in bench.ts. */
export interface Section {
  readonly title: string;
  readonly run: (bench: Bench) => Promise<readonly Row[]>;
}
