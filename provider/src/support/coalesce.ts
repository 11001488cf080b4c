import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";

export interface CoalesceOptions<Key, Value> {
  readonly clock: Clock;
  /** How long a call waits for more callers after the last one came, in milliseconds; fifty times as long at most. */
  readonly windowMs: number;
  /** The most keys one call may carry. */
  readonly maxBatch: number;
  /** Makes one call for all keys. A key it leaves out resolves to undefined. */
  readonly run: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
}

// The engine hands resources over one by one, each after its Check: a hundred of them take most of a second.
const maxWindows = 50;

interface Batch<Key, Value> {
  readonly keys: Set<Key>;
  callers: number;
  values?: Promise<ReadonlyMap<Key, Value>>;
}

/**
 * Turns calls that many resources make at once into one call for each `maxBatch` keys. The same key asked twice within a window is
 * sent once. A failed call fails every caller of its batch with the same error. A caller's abort frees that caller, never the others.
 */
export function coalesce<Key, Value>(options: CoalesceOptions<Key, Value>): (key: Key, signal: AbortSignal) => Promise<Value | undefined> {
  let open: Batch<Key, Value> | undefined;

  async function collect(batch: Batch<Key, Value>): Promise<ReadonlyMap<Key, Value>> {
    let [windows, seen] = [0, 0];
    do {
      seen = batch.callers;
      await options.clock.sleep(options.windowMs);
      windows += 1;
    } while (batch.callers > seen && batch.keys.size < options.maxBatch && windows < maxWindows);
    if (open === batch) open = undefined;
    return options.run([...batch.keys]);
  }

  return async (key, signal) => {
    signal.throwIfAborted();
    if (open === undefined || (open.keys.size >= options.maxBatch && !open.keys.has(key))) open = { keys: new Set(), callers: 0 };
    open.keys.add(key);
    open.callers += 1;
    open.values ??= collect(open);
    const values = await abortable(open.values, signal);
    return values.get(key);
  };
}
