import type { Reporter } from "./reporter.ts";

/** One RPC, or one run of a command: what every room below it is handed. */
export interface Operation {
  /** Trips on cancellation and on the operation's timeout. Every async function passes it on. */
  readonly signal: AbortSignal;
  /** How long the operation may take in all, in milliseconds, counted from its start. */
  readonly timeoutMs: number;
  readonly reporter: Reporter;
  /** The Pulumi URN of the resource, or a name that identifies the caller. */
  readonly urn: string;
}
