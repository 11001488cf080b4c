import { credentials, Metadata } from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb, { type LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import type { Clock } from "../support/clock.ts";
import type { Reporter } from "../support/reporter.ts";

export interface EngineLog {
  /** The reporter of one resource: what it says appears in that resource's row. */
  reporterFor(urn: string): Reporter;
  /** Resolves when everything said so far was heard, or will not be. */
  flush(): Promise<void>;
  close(): void;
}

// Where the terminal is not interactive, every ephemeral line prints the row again, so the live line is throttled.
const statusIntervalMs = 1000;
// An engine that does not hear us within this time has other troubles.
const deliveryMs = 2000;

/** Talks to the engine at `address` (`host:port`). A log line that cannot be delivered is dropped: it never changes a result. */
export function connectEngineLog(address: string, clock: Clock): EngineLog {
  const client = new engineGrpc.EngineClient(address, credentials.createInsecure());
  const pending = new Set<Promise<void>>();

  function send(urn: string, severity: LogRequest["getSeverity"] extends () => infer S ? S : never, message: string, ephemeral = false) {
    const request = new enginePb.LogRequest();
    request.setSeverity(severity);
    request.setMessage(message);
    request.setUrn(urn);
    request.setEphemeral(ephemeral);
    const delivery = new Promise<void>((resolve) => {
      client.log(request, new Metadata(), { deadline: clock.now() + deliveryMs }, () => resolve());
    });
    pending.add(delivery);
    void delivery.then(() => pending.delete(delivery));
  }

  return {
    reporterFor(urn) {
      const { DEBUG, INFO, WARNING } = enginePb.LogSeverity;
      const live = throttledStatus(clock, (line) => send(urn, INFO, line, true));
      return {
        status: live,
        info: (text) => send(urn, INFO, text),
        warn: (text) => send(urn, WARNING, text),
        debug: (text) => send(urn, DEBUG, text),
      };
    },
    flush: async () => void (await Promise.all(pending)),
    close: () => client.close(),
  };
}

/** Sends a line at once if the last one is old enough; a line that comes too early is dropped, except the empty one that clears. */
export function throttledStatus(clock: Clock, send: (line: string) => void): (line: string) => void {
  let lastAt = -Infinity;
  let last = "";
  return (line) => {
    if (line === last) return;
    const now = clock.now();
    if (line !== "" && now - lastAt < statusIntervalMs) return;
    lastAt = now;
    last = line;
    send(line);
  };
}
