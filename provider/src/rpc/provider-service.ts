import type { sendUnaryData, ServerUnaryCall, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import pluginPb, { type PluginAttach } from "@pulumi/pulumi/proto/plugin_pb.js";
import type * as pb from "@pulumi/pulumi/proto/provider_pb.js";
import pulumiPb from "@pulumi/pulumi/proto/provider_pb.js";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";
import type { PropertyMap } from "../resources/property-value.ts";
import type { CheckFailure, CheckResult, Offer, Resource } from "../resources/resource.ts";
import type { Operation } from "../support/operation.ts";
import type { Reporter } from "../support/reporter.ts";
import { encodeDiff } from "./diff-codec.ts";
import { toServiceError } from "./grpc-error.ts";
import type { Operations } from "./operations.ts";
import type { Provider } from "./provider.ts";
import { decodeConfig, decodeProperties, encodeProperties } from "./value-codec.ts";

export interface ServiceDeps {
  readonly provider: Provider;
  readonly operations: Operations;
  /** The engine has told its address; later reporters talk to it. */
  readonly connect: (engineAddress: string) => void;
  readonly reporterFor: (urn: string) => Reporter;
  /** Resolves when the engine has heard what was said so far. */
  readonly flushLog: () => Promise<void>;
}

// Check, Diff and their kind answer quickly or not at all.
const metadataTimeoutMs = 10 * 60_000;
// A function may wait for what somebody else does, as long as its own arguments say.
const invokeTimeoutMs = 25 * 3_600_000;

/** The methods of pulumirpc.ResourceProvider. Each decodes, opens an operation, calls, encodes; the rest answers UNIMPLEMENTED. */
export function providerService(deps: ServiceDeps): UntypedServiceImplementation {
  const { provider, operations } = deps;
  let offer: Offer | undefined;

  function configured(): Offer {
    if (offer === undefined) throw new CloudBuildError("configuration-invalid", "the provider was not configured");
    return offer;
  }

  function resourceOf(urn: string): Resource {
    const type = typeOf(urn);
    const resource = configured().resources.get(type);
    if (resource === undefined) throw new CloudBuildError("input-invalid", `"${type}" is not a resource of the cloudbuild provider`);
    return resource;
  }

  async function operate<T>(urn: string, seconds: number, otherwise: number, work: (operation: Operation) => Promise<T>): Promise<T> {
    const reporter = deps.reporterFor(urn);
    try {
      const timeoutMs = seconds > 0 ? seconds * 1000 : otherwise;
      return await operations.run(timeoutMs, (signal) => work({ signal, timeoutMs, reporter, urn }));
    } finally {
      reporter.status("");
      // A line that comes after the answer would appear in no row.
      await deps.flushLog();
    }
  }

  return {
    handshake: unary(async (request: pb.ProviderHandshakeRequest) => {
      operations.reset();
      deps.connect(request.getEngineAddress());
      const response = new pulumiPb.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      response.setAcceptResources(true);
      response.setAcceptOutputs(true);
      return response;
    }),
    attach: unary(async (request: PluginAttach) => {
      operations.reset();
      deps.connect(request.getAddress());
      return new empty.Empty();
    }),
    getPluginInfo: unary(async (_: Empty) => {
      const info = new pluginPb.PluginInfo();
      info.setVersion(provider.version);
      return info;
    }),
    getSchema: unary(async (request: pb.GetSchemaRequest) => {
      if (request.getVersion() !== 0) throw new CloudBuildError("input-invalid", `schema version "${request.getVersion()}" is unknown`);
      const response = new pulumiPb.GetSchemaResponse();
      response.setSchema(await provider.schema());
      return response;
    }),
    checkConfig: unary(async (request: pb.CheckRequest) => {
      // The engine shows and stores what the user wrote, so it gets that back.
      const response = failuresResponse(provider.checkConfig(decodeConfig(request.getNews())));
      response.setInputs(request.getNews());
      return response;
    }),
    diffConfig: unary(async (request: pb.DiffRequest) =>
      encodeDiff(provider.diffConfig({ oldInputs: decodeConfig(request.getOldInputs()), newInputs: decodeConfig(request.getNews()) })),
    ),
    configure: unary(async (request: pb.ConfigureRequest) => {
      operations.reset();
      offer = provider.configure(decodeConfig(request.getArgs()));
      const response = new pulumiPb.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setAcceptresources(true);
      response.setAcceptoutputs(true);
      response.setSupportspreview(true);
      return response;
    }),
    check: unary((request: pb.CheckRequest) =>
      operate(request.getUrn(), 0, metadataTimeoutMs, async (operation) =>
        checkResponse(
          await resourceOf(operation.urn).check({ news: present(request.getNews()), olds: present(request.getOlds()) }, operation),
        ),
      ),
    ),
    diff: unary(async (request: pb.DiffRequest) =>
      encodeDiff(
        resourceOf(request.getUrn()).diff({
          id: request.getId(),
          state: present(request.getOlds()),
          oldInputs: present(request.getOldInputs()),
          newInputs: present(request.getNews()),
          ignoreChanges: request.getIgnorechangesList(),
        }),
      ),
    ),
    create: unary(async (request: pb.CreateRequest) => {
      const resource = resourceOf(request.getUrn());
      const inputs = present(request.getProperties());
      const created = await operate(request.getUrn(), request.getTimeout(), resource.defaultTimeoutMs, (operation) =>
        resource.create({ inputs, preview: request.getPreview() }, operation),
      );
      const response = new pulumiPb.CreateResponse();
      response.setId(request.getPreview() ? "" : created.id);
      response.setProperties(encodeProperties(created.state));
      return response;
    }),
    update: unary(async (request: pb.UpdateRequest) => {
      const resource = resourceOf(request.getUrn());
      const state = await operate(request.getUrn(), request.getTimeout(), resource.defaultTimeoutMs, (operation) =>
        resource.update(
          {
            id: request.getId(),
            state: present(request.getOlds()),
            oldInputs: present(request.getOldInputs()),
            newInputs: present(request.getNews()),
            preview: request.getPreview(),
          },
          operation,
        ),
      );
      const response = new pulumiPb.UpdateResponse();
      response.setProperties(encodeProperties(state));
      return response;
    }),
    read: unary(async (request: pb.ReadRequest) => {
      const resource = resourceOf(request.getUrn());
      const [state, inputs] = [decodeProperties(request.getProperties()), decodeProperties(request.getInputs())];
      const found = await operate(request.getUrn(), request.getTimeout(), resource.defaultTimeoutMs, (operation) =>
        resource.read({ id: request.getId(), state, inputs }, operation),
      );
      const response = new pulumiPb.ReadResponse();
      if (found === undefined) return response;
      response.setId(found.id);
      response.setProperties(encodeProperties(found.state));
      response.setInputs(encodeProperties(found.inputs));
      return response;
    }),
    delete: unary(async (request: pb.DeleteRequest) => {
      const resource = resourceOf(request.getUrn());
      const [state, oldInputs] = [present(request.getProperties()), present(request.getOldInputs())];
      await operate(request.getUrn(), request.getTimeout(), resource.defaultTimeoutMs, (operation) =>
        resource.delete({ id: request.getId(), state, oldInputs }, operation),
      );
      return new empty.Empty();
    }),
    invoke: unary(async (request: pb.InvokeRequest) => {
      const token = request.getTok();
      const wanted = configured().functions.get(token);
      if (wanted === undefined) throw new CloudBuildError("input-invalid", `"${token}" is not a function of the cloudbuild provider`);
      const { failures, result } = await operate("", 0, invokeTimeoutMs, (operation) => wanted.call(present(request.getArgs()), operation));
      const response = new pulumiPb.InvokeResponse();
      response.setFailuresList(failures.map(encodeFailure));
      if (result !== undefined) response.setReturn(encodeProperties(result));
      return response;
    }),
    cancel: unary(async (_: Empty) => {
      operations.cancelAll();
      return new empty.Empty();
    }),
  };
}

function unary<Request, Response>(handle: (request: Request) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    // A handler may throw before its first await: enter it inside the promise.
    Promise.resolve(call.request)
      .then(handle)
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(toServiceError(error)),
      );
  };
}

function present(message: pb.CheckRequest["getNews"] extends () => infer S ? S : never): PropertyMap {
  return decodeProperties(message) ?? {};
}

function checkResponse({ inputs, failures }: CheckResult): pb.CheckResponse {
  const response = failuresResponse(failures);
  response.setInputs(encodeProperties(inputs));
  return response;
}

function failuresResponse(failures: readonly CheckFailure[]): pb.CheckResponse {
  const response = new pulumiPb.CheckResponse();
  response.setFailuresList(failures.map(encodeFailure));
  return response;
}

function encodeFailure({ property, reason }: CheckFailure): pb.CheckFailure {
  const failure = new pulumiPb.CheckFailure();
  failure.setProperty(property);
  failure.setReason(reason);
  return failure;
}

/** urn:pulumi:stack::project::parent$type::name → type */
function typeOf(urn: string): string {
  const qualified = urn.split("::")[2] ?? "";
  return qualified.slice(qualified.lastIndexOf("$") + 1);
}
