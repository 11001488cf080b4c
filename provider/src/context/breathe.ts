import { setImmediate } from "node:timers/promises";

// Long enough not to cost anything, short enough that a cancellation is heard and other calls are answered.
const sliceMs = 25;

/** For loops of synchronous work: lets the event loop turn now and then, and stops when the signal has tripped. */
export function breathe(signal: AbortSignal): () => Promise<void> | void {
  let since = performance.now();
  return () => {
    if (performance.now() - since < sliceMs) return;
    return setImmediate().then(() => {
      signal.throwIfAborted();
      since = performance.now();
    });
  };
}
