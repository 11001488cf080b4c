import { credentials, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb, { type LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import type { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";

export interface LoggedLine {
  readonly urn: string;
  readonly severity: number;
  readonly message: string;
  readonly ephemeral: boolean;
}

export type Json = Record<string, JavaScriptValue>;

/** The engine's side of the wire: it records what a provider logs, and calls the provider with plain JSON. */
export interface FakeEngine {
  readonly address: string;
  readonly log: LoggedLine[];
  connect(port: number): EngineClient;
  close(): void;
}

export const severity = enginePb.LogSeverity;

export async function startFakeEngine(): Promise<FakeEngine> {
  const log: LoggedLine[] = [];
  const server = new Server();
  server.addService(engineGrpc.EngineService, {
    log(call: { request: LogRequest }, callback: (error: null, response: unknown) => void) {
      const { request } = call;
      log.push({
        urn: request.getUrn(),
        severity: request.getSeverity(),
        message: request.getMessage(),
        ephemeral: request.getEphemeral(),
      });
      callback(null, new empty.Empty());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const clients: EngineClient[] = [];
  return {
    address: `127.0.0.1:${port}`,
    log,
    connect(providerPort) {
      const client = engineClient(providerPort);
      clients.push(client);
      return client;
    },
    close() {
      for (const client of clients) client.close();
      server.forceShutdown();
    },
  };
}

export interface CheckAnswer {
  readonly inputs: Json;
  readonly failures: readonly { property: string; reason: string }[];
}

export interface DiffAnswer {
  readonly changes: boolean;
  readonly replaces: readonly string[];
  readonly detailed: Readonly<Record<string, number>>;
}

export interface EngineClient {
  readonly raw: ResourceProviderClient;
  handshake(engineAddress: string): Promise<void>;
  configure(config: Json): Promise<void>;
  check(urn: string, news: Json, olds?: Json): Promise<CheckAnswer>;
  checkConfig(news: Json): Promise<CheckAnswer>;
  diff(urn: string, id: string, request: { state: Json; oldInputs: Json; newInputs: Json; ignoreChanges?: string[] }): Promise<DiffAnswer>;
  create(urn: string, inputs: Json, options?: { preview?: boolean; timeout?: number }): Promise<{ id: string; state: Json }>;
  update(
    urn: string,
    id: string,
    request: { state: Json; oldInputs: Json; newInputs: Json },
    options?: { preview?: boolean },
  ): Promise<Json>;
  /** Both absent: an import. */
  read(urn: string, id: string, state?: Json, inputs?: Json): Promise<{ id: string; state: Json | undefined; inputs: Json | undefined }>;
  delete(urn: string, id: string, state: Json, oldInputs: Json): Promise<void>;
  attach(engineAddress: string): Promise<void>;
  diffConfig(oldInputs: Json, newInputs: Json): Promise<DiffAnswer>;
  /** The result, or the failures' property paths. */
  invoke(token: string, args: Json): Promise<{ result: Json | undefined; failures: readonly string[] }>;
  cancel(): Promise<void>;
  close(): void;
}

function engineClient(port: number): EngineClient {
  const raw = new providerGrpc.ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const promised = <T>(call: (callback: (error: ServiceError | null, response: T) => void) => unknown): Promise<T> =>
    new Promise((resolve, reject) => void call((error, response) => (error ? reject(error) : resolve(response))));
  const toStruct = (json: Json) => struct.Struct.fromJavaScript(json);
  const plain = (message: { toJavaScript(): unknown } | undefined) => message?.toJavaScript() as Json | undefined;
  const answer = (response: InstanceType<typeof pb.CheckResponse>): CheckAnswer => ({
    inputs: plain(response.getInputs()) ?? {},
    failures: response.getFailuresList().map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() })),
  });

  return {
    raw,
    async handshake(engineAddress) {
      const request = new pb.ProviderHandshakeRequest();
      request.setEngineAddress(engineAddress);
      request.setConfigureWithUrn(true);
      await promised((done) => raw.handshake(request, done));
    },
    async configure(config) {
      const request = new pb.ConfigureRequest();
      request.setArgs(toStruct(config));
      request.setAcceptsecrets(true);
      await promised((done) => raw.configure(request, done));
    },
    async check(urn, news, olds = {}) {
      const request = new pb.CheckRequest();
      request.setUrn(urn);
      request.setNews(toStruct(news));
      request.setOlds(toStruct(olds));
      return answer(await promised((done) => raw.check(request, done)));
    },
    async checkConfig(news) {
      const request = new pb.CheckRequest();
      request.setUrn("urn:pulumi:test::test::pulumi:providers:cloudbuild::default");
      request.setNews(toStruct(news));
      return answer(await promised((done) => raw.checkConfig(request, done)));
    },
    async diff(urn, id, { state, oldInputs, newInputs, ignoreChanges = [] }) {
      const request = new pb.DiffRequest();
      request.setUrn(urn);
      request.setId(id);
      request.setOlds(toStruct(state));
      request.setOldInputs(toStruct(oldInputs));
      request.setNews(toStruct(newInputs));
      request.setIgnorechangesList(ignoreChanges);
      return diffAnswer(await promised((done) => raw.diff(request, done)));
    },
    async create(urn, inputs, { preview = false, timeout = 0 } = {}) {
      const request = new pb.CreateRequest();
      request.setUrn(urn);
      request.setProperties(toStruct(inputs));
      request.setPreview(preview);
      request.setTimeout(timeout);
      const response = await promised<InstanceType<typeof pb.CreateResponse>>((done) => raw.create(request, done));
      return { id: response.getId(), state: plain(response.getProperties()) ?? {} };
    },
    async update(urn, id, { state, oldInputs, newInputs }, { preview = false } = {}) {
      const request = new pb.UpdateRequest();
      request.setUrn(urn);
      request.setId(id);
      request.setOlds(toStruct(state));
      request.setOldInputs(toStruct(oldInputs));
      request.setNews(toStruct(newInputs));
      request.setPreview(preview);
      const response = await promised<InstanceType<typeof pb.UpdateResponse>>((done) => raw.update(request, done));
      return plain(response.getProperties()) ?? {};
    },
    async read(urn, id, state, inputs) {
      const request = new pb.ReadRequest();
      request.setUrn(urn);
      request.setId(id);
      if (state !== undefined) request.setProperties(toStruct(state));
      if (inputs !== undefined) request.setInputs(toStruct(inputs));
      const response = await promised<InstanceType<typeof pb.ReadResponse>>((done) => raw.read(request, done));
      return { id: response.getId(), state: plain(response.getProperties()), inputs: plain(response.getInputs()) };
    },
    async delete(urn, id, state, oldInputs) {
      const request = new pb.DeleteRequest();
      request.setUrn(urn);
      request.setId(id);
      request.setProperties(toStruct(state));
      request.setOldInputs(toStruct(oldInputs));
      await promised((done) => raw.delete(request, done));
    },
    async attach(engineAddress) {
      const request = new plugin.PluginAttach();
      request.setAddress(engineAddress);
      await promised((done) => raw.attach(request, done));
    },
    async diffConfig(oldInputs, newInputs) {
      const request = new pb.DiffRequest();
      request.setOldInputs(toStruct(oldInputs));
      request.setNews(toStruct(newInputs));
      return diffAnswer(await promised((done) => raw.diffConfig(request, done)));
    },
    async invoke(token, args) {
      const request = new pb.InvokeRequest();
      request.setTok(token);
      request.setArgs(toStruct(args));
      const response = await promised<InstanceType<typeof pb.InvokeResponse>>((done) => raw.invoke(request, done));
      const failures = response.getFailuresList().map((failure) => failure.getProperty());
      return { result: failures.length > 0 ? undefined : plain(response.getReturn()), failures };
    },
    async cancel() {
      await promised((done) => raw.cancel(new empty.Empty(), done));
    },
    close: () => raw.close(),
  };
}

function diffAnswer(response: InstanceType<typeof pb.DiffResponse>): DiffAnswer {
  const detailed: Record<string, number> = {};
  response.getDetaileddiffMap().forEach((property, path) => (detailed[path] = property.getKind()));
  return { changes: response.getChanges() === pb.DiffResponse.DiffChanges.DIFF_SOME, replaces: response.getReplacesList(), detailed };
}

/** What the engine sends where a preview does not know a string. */
export const unknownSentinel = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const secretOf = (value: JavaScriptValue): JavaScriptValue => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});
export const imageUrn = (name: string): string => `urn:pulumi:test::test::cloudbuild:index:CloudBuildImage::${name}`;
