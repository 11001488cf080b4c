import pRetry from "p-retry";
import type { Clock } from "./clock.ts";
import { queueLimitOf, retryClassOf, type RetryClass } from "./retryable-errors.ts";

export interface RetryOptions {
  readonly clock: Clock;
  /** Ends the waiting between tries; the reason is what the caller sees. */
  readonly signal: AbortSignal;
  /** Classes worth waiting for here, besides `throttle` and `transient`. */
  readonly also?: readonly RetryClass[];
  /** Called before each wait. */
  readonly onWait?: (waiting: { readonly because: RetryClass; readonly ms: number; readonly error: Error }) => void;
}

interface Budget {
  /** How long after the first failure a further try may begin, in milliseconds. */
  readonly forMs: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

/** On top of the SDK, which makes three quick tries of its own. */
const budgets = {
  throttle: { forMs: Infinity, firstMs: 500, longestMs: 20_000 },
  transient: { forMs: 120_000, firstMs: 300, longestMs: 10_000 },
  propagation: { forMs: 60_000, firstMs: 2000, longestMs: 8000 },
  capacity: { forMs: Infinity, firstMs: 5000, longestMs: 60_000 },
} as const satisfies Record<RetryClass, Budget>;

/**
 * Makes a call until it succeeds, fails for a reason that another try cannot mend, or the budget of its class is spent. Waits with full
 * jitter on the clock, so that tests never wait. An abort is never an answer of the call: the signal's reason is thrown as it is.
 */
export async function retry<T>(call: () => Promise<T>, { clock, signal, also = [], onWait }: RetryOptions): Promise<T> {
  const startedAt = clock.now();
  const waits: RetryClass[] = ["throttle", "transient", ...also];
  const attempt = async (): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
  const worthwhile = (error: Error): RetryClass | undefined => {
    if (signal.aborted || queueLimitOf(error) === 0) return undefined;
    const reason = retryClassOf(error);
    return reason !== undefined && waits.includes(reason) && clock.now() - startedAt < budgets[reason].forMs ? reason : undefined;
  };
  return pRetry(attempt, {
    retries: Infinity,
    minTimeout: 0,
    maxTimeout: 0,
    shouldRetry: ({ error }) => worthwhile(error) !== undefined,
    onFailedAttempt: async ({ error, attemptNumber }) => {
      const because = worthwhile(error);
      if (because === undefined) return;
      const { firstMs, longestMs } = budgets[because];
      const ms = Math.round(Math.random() * Math.min(firstMs * 2 ** attemptNumber, longestMs));
      onWait?.({ because, ms, error });
      await clock.sleep(ms, signal);
    },
  });
}
