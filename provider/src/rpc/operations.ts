import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { Clock } from "../support/clock.ts";

export interface Operations {
  /**
   * Runs one RPC with a signal that trips when the engine cancels, or after `timeoutMs`. A call that comes after a cancellation finds
   * its signal tripped already.
   */
  run<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Trips every signal, now and for calls to come. Silent when nothing runs: the engine says Cancel at every normal end, too. */
  cancelAll(): void;
  /** A new engine is talking to this process (attached providers outlive one): forget an earlier cancellation. */
  reset(): void;
  /** Resolves when no operation is under way. */
  idle(): Promise<void>;
}

export function createOperations(clock: Clock): Operations {
  const running = new Map<AbortController, Promise<unknown>>();
  let cancelled = false;

  async function run<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    if (cancelled) controller.abort(cancellation());
    const timer = new AbortController();
    clock.sleep(timeoutMs, timer.signal).then(
      () => controller.abort(outOfTime(timeoutMs)),
      () => undefined,
    );
    const done = work(controller.signal);
    running.set(controller, done);
    try {
      return await done;
    } finally {
      running.delete(controller);
      timer.abort();
    }
  }

  return {
    run,
    cancelAll() {
      cancelled = true;
      for (const controller of running.keys()) controller.abort(cancellation());
    },
    reset() {
      cancelled = false;
    },
    async idle() {
      while (running.size > 0) await Promise.allSettled(running.values());
    },
  };
}

function cancellation(): CloudBuildError {
  return new CloudBuildError("cancelled", "the operation was cancelled");
}

function outOfTime(timeoutMs: number): CloudBuildError {
  return new CloudBuildError("deadline-exceeded", `the operation ran out of time after ${Math.round(timeoutMs / 1000)} s`);
}
