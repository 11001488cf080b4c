import type { Readable } from "node:stream";
import type { Operation } from "../../support/operation.ts";
import {
  assembledHash,
  assemblyKeys,
  contextKey,
  decodeAssembly,
  deltaKey,
  encodeAssembly,
  headKey,
  recordKey,
  type ContextAssembly,
} from "./context-assembly.ts";
import { contextDelta, type ContextDelta } from "./context-delta.ts";
import type { ReadFolder } from "../files/context-reader.ts";
import type { ContextStore } from "./context-store.ts";
import { packContext, packDelta } from "./pack-context.ts";
import { describeSize } from "./describe-size.ts";
import { describeParts, largeContextBytes } from "./size-report.ts";
import { shippedManifest } from "./shipped-manifest.ts";

/** Which contexts came before this one. */
export interface ContextHistory {
  /** Names an image through its versions, in any words; the newest context shipped under the same name is what a delta builds upon. */
  readonly lineage: string;
  /** False: ship the whole context, whatever is there to build upon. */
  readonly delta: boolean;
}

// A build takes at most twelve sources, and named contexts want some of them.
const maxDeltas = 3;
// Below this a delta, or leaving the upload to somebody else, saves less time than the questions it takes.
const worthwhileBytes = 4_000_000;
// All deltas over one base together, and what the newest of them carries, as shares of the whole.
const largestShare = 1 / 4;

/**
 * Puts a context into the store, or what it differs by from an earlier one that is there, and answers of which parts it is made. What is
 * there already is not sent again.
 */
export async function shipContext(
  context: ReadFolder,
  history: ContextHistory | undefined,
  store: ContextStore,
  operation: Operation,
): Promise<ContextAssembly | undefined> {
  const { signal } = operation;
  const key = contextKey(context.contextHash);
  const large = context.totalSize > worthwhileBytes;
  if ((await store.stat(key, signal)) === undefined) {
    const earlier = large && history?.delta === true ? await findEarlier(context, history, store, operation) : undefined;
    const parts = earlier && (await extend(earlier, context, store, operation));
    if (parts !== undefined) return parts;
    await shipWhole(context, store, operation);
  }
  const facts = large && history !== undefined ? await store.stat(key, signal) : undefined;
  return facts && [{ ...facts, contextHash: context.contextHash }];
}

async function shipWhole({ root, entries, contextHash, totalSize }: ReadFolder, store: ContextStore, operation: Operation): Promise<void> {
  const { signal, reporter } = operation;
  let reported = totalSize <= largeContextBytes;
  reporter.status(`shipping ${describeSize(totalSize)} of build context`);
  await send(contextKey(contextHash), totalSize, open, store, signal);

  // Of many images that ship the same context at once, only one opens it.
  function open(): Readable {
    if (!reported)
      reporter.warn(
        describeParts(
          `the build context "${root}"`,
          entries.filter((entry) => entry.kind === "file"),
        ),
      );
    reported = true;
    return packContext(root, entries, signal);
  }
}

/** @param bytes about how much it is */
async function send(key: string, bytes: number, open: () => Readable, store: ContextStore, signal: AbortSignal): Promise<void> {
  if (bytes > worthwhileBytes) await store.putInTurn(key, open, signal);
  else await store.put(key, open, signal);
}

/** How this context, or the newest of the same lineage, was shipped, if every part of it is still there as it was. */
async function findEarlier(
  { contextHash }: ReadFolder,
  { lineage }: ContextHistory,
  store: ContextStore,
  { signal }: Operation,
): Promise<ContextAssembly | undefined> {
  for (const key of [recordKey(contextHash), headKey(lineage)]) {
    const bytes = await store.get(key, signal);
    const parts = bytes && decodeAssembly(bytes);
    if (parts !== undefined && parts.length <= 1 + maxDeltas && (await areThere(parts, store, signal))) return parts;
  }
  return undefined;
}

async function areThere(parts: ContextAssembly, store: ContextStore, signal: AbortSignal): Promise<boolean> {
  const found = await Promise.all(assemblyKeys(parts).map((key) => store.stat(key, signal)));
  return parts.every(({ size, etag }, i) => found[i]?.size === size && found[i].etag === etag);
}

/** Adds a delta if that pays. A chain that is full begins anew at its base. */
async function extend(
  earlier: ContextAssembly,
  context: ReadFolder,
  store: ContextStore,
  operation: Operation,
): Promise<ContextAssembly | undefined> {
  const { signal, reporter } = operation;
  if (assembledHash(earlier) === context.contextHash) return earlier;
  const from: ContextAssembly = earlier.length > maxDeltas ? [earlier[0]] : earlier;
  const manifest = await shippedManifest(assembledHash(from), store, operation);
  const delta = manifest && contextDelta(manifest, context.entries);
  if (delta === undefined || !pays(delta, from, context)) return undefined;
  const key = deltaKey(assembledHash(from), context.contextHash);
  if ((await store.stat(key, signal)) === undefined) {
    reporter.status(`shipping ${describeSize(delta.changedBytes)} of changes to a build context of ${describeSize(context.totalSize)}`);
    await send(key, delta.changedBytes, () => packDelta(context.root, delta, signal), store, signal);
  }
  const facts = await store.stat(key, signal);
  return facts && [...from, { ...facts, contextHash: context.contextHash }];
}

function pays({ changedBytes }: ContextDelta, [base, ...deltas]: ContextAssembly, { totalSize }: ReadFolder): boolean {
  const deltaBytes = deltas.reduce((sum, { size }) => sum + size, changedBytes);
  // A base that is mostly what the context no longer holds costs the build more than it saves here.
  return (
    base.size > worthwhileBytes &&
    base.size < 2 * totalSize &&
    deltaBytes < base.size * largestShare &&
    changedBytes < totalSize * largestShare
  );
}

/** Remembers how a context was shipped. The last writer wins, and whoever finds nothing ships the whole: a failure here is no failure. */
export async function rememberShipping(
  parts: ContextAssembly,
  { lineage }: ContextHistory,
  store: ContextStore,
  { signal, reporter }: Operation,
): Promise<void> {
  const bytes = encodeAssembly(parts);
  const keys = [headKey(lineage), ...(parts.length > 1 ? [recordKey(assembledHash(parts))] : [])];
  const missing = async (key: string): Promise<boolean> => (await store.get(key, signal))?.equals(bytes) !== true;
  try {
    for (const key of keys) if (await missing(key)) await store.replace(key, bytes, signal);
  } catch (error) {
    signal.throwIfAborted();
    reporter.debug(`how the context was shipped could not be remembered: ${String(error)}`);
  }
}
