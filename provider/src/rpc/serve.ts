import { Server, ServerCredentials } from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { silentReporter } from "../support/reporter.ts";
import type { Clock } from "../support/clock.ts";
import { connectEngineLog, type EngineLog } from "./engine-log.ts";
import { createOperations, type Operations } from "./operations.ts";
import type { Provider } from "./provider.ts";
import { providerService } from "./provider-service.ts";

export interface ServedProvider {
  readonly port: number;
  readonly operations: Operations;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly provider: Provider;
  readonly clock: Clock;
  /** The engine's address, if argv named one. Handshake and Attach may name another. */
  readonly engineAddress?: string | undefined;
}

// What Pulumi's own clients use; a schema or a large state passes.
const maxMessageBytes = 400 * 1024 * 1024;

/** Serves the provider on a free loopback port. */
export async function serve({ provider, clock, engineAddress }: ServeOptions): Promise<ServedProvider> {
  const operations = createOperations(clock);
  let log: EngineLog | undefined;
  let connected: string | undefined;
  const connect = (address: string): void => {
    if (address === "" || address === connected) return;
    log?.close();
    connected = address;
    log = connectEngineLog(address, clock);
  };
  if (engineAddress !== undefined) connect(engineAddress);

  const server = new Server({ "grpc.max_receive_message_length": maxMessageBytes, "grpc.max_send_message_length": maxMessageBytes });
  const service = providerService({
    provider,
    operations,
    connect,
    reporterFor: (urn) => log?.reporterFor(urn) ?? silentReporter,
    flushLog: async () => log?.flush(),
  });
  server.addService(providerGrpc.ResourceProviderService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });

  return {
    port,
    operations,
    async close() {
      operations.cancelAll();
      await operations.idle();
      server.forceShutdown();
      log?.close();
    },
  };
}
