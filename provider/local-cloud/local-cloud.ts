import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AwsError } from "./aws-error.ts";
import { createControl } from "./control.ts";
import { createBuilder } from "./builder/buildkit.ts";
import { createRecords } from "./codebuild/records.ts";
import { createRunner, faultInterrupted } from "./codebuild/runner.ts";
import { createCodeBuild } from "./codebuild/service.ts";
import { createImageStore } from "./ecr/image-store.ts";
import { createRegistryDoor } from "./ecr/registry-door.ts";
import { createEcr } from "./ecr/service.ts";
import { sendJsonError, serveJson, type JsonService } from "./http/aws-json.ts";
import { drain, header, type Exchange } from "./http/exchange.ts";
import { createTraffic, faultError } from "./http/traffic.ts";
import { createLogStore } from "./logs/log-store.ts";
import { createLogs } from "./logs/service.ts";
import { createObjectStore } from "./s3/object-store.ts";
import { createS3 } from "./s3/service.ts";
import { createParameterStore } from "./secrets/parameter-store.ts";
import { createSecretsManager } from "./secrets/secrets-manager.ts";
import { createVault } from "./secrets/vault.ts";
import { lockFolder, readJson, writeJson } from "./state-folder.ts";
import { createSts } from "./sts/service.ts";

export interface LocalCloudOptions {
  /** Default: the port the state folder remembers, else a free one. */
  readonly port?: number;
  /** Where everything is kept. Default: a temporary folder that goes when the server closes. */
  readonly stateDir?: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** Twelve digits. Default `000000000000`. */
  readonly accountId?: string;
  /** ECR repositories that exist from the start. */
  readonly repositories?: readonly string[];
  /** A CodeBuild project that exists from the start. Default `cloudbuild`. */
  readonly project?: string;
  /** An S3 bucket that exists from the start. Default `cloudbuild-contexts`. */
  readonly bucket?: string;
  readonly log?: (line: string) => void;
}

/** What a client must know to use the local cloud as it would use AWS. */
export interface LocalCloudAddress {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string;
  /** `127.0.0.1:port`. */
  readonly registry: string;
  readonly accountId: string;
  readonly region: string;
  readonly project: string;
  readonly bucket: string;
  /** Name → repository URL. */
  readonly repositories: Readonly<Record<string, string>>;
  /** Enough, alone, for the AWS SDKs and the aws CLI. */
  readonly env: Readonly<Record<string, string>>;
}

export interface LocalCloud extends LocalCloudAddress {
  /** Stops every build, the builder and the server. */
  close(): Promise<void>;
}

interface Remembered {
  readonly port: number;
  readonly region: string;
  readonly accountId: string;
  readonly password: string;
}

const targets = {
  CodeBuild_20161006: "codebuild",
  AmazonEC2ContainerRegistry_V20150921: "ecr",
  Logs_20140328: "logs",
  secretsmanager: "secretsmanager",
  AmazonSSM: "ssm",
} as const;

/** Starts a local cloud: CodeBuild, ECR, S3, CloudWatch Logs, STS and an OCI registry on one loopback port. */
export async function startLocalCloud(options: LocalCloudOptions = {}): Promise<LocalCloud> {
  const folder = options.stateDir ?? mkdtempSync(join(tmpdir(), "cloudbuild-local-"));
  const unlock = lockFolder(folder);
  const log = options.log ?? (() => undefined);
  const known = readJson<Remembered>(join(folder, "server.json"));
  const region = options.region ?? known?.region ?? "us-east-1";
  const accountId = options.accountId ?? known?.accountId ?? "000000000000";
  const password = known?.password ?? randomBytes(24).toString("hex");
  let port = 0;
  const registry = (): string => `127.0.0.1:${port}`;
  const endpoint = (): string => `http://${registry()}`;
  const env = (): Record<string, string> => ({
    AWS_ENDPOINT_URL: endpoint(),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: "AKIALOCAL",
    AWS_SECRET_ACCESS_KEY: "local",
  });

  const records = createRecords(join(folder, "codebuild"));
  faultInterrupted(records);
  const images = createImageStore(join(folder, "ecr"));
  const objects = createObjectStore(join(folder, "s3"));
  const logStore = createLogStore(join(folder, "logs"));
  const workspaces = join(folder, "work");
  rmSync(workspaces, { recursive: true, force: true });
  const builder = createBuilder({ folder, log, registry });
  const vaults = {
    secrets: createVault(join(folder, "secrets"), "secrets"),
    parameters: createVault(join(folder, "secrets"), "parameters"),
  };
  const runner = createRunner({ records, vaults, objects, logs: logStore, builder, folder: workspaces, cloudEnv: env });
  const logUrl = (group: string, stream: string): string =>
    `${endpoint()}/_cloudbuild/logs/${encodeURIComponent(group)}/${encodeURIComponent(stream)}`;

  const services: Readonly<Record<string, JsonService>> = {
    codebuild: createCodeBuild({ records, runner, accountId, region, logUrl }),
    ecr: createEcr({ store: images, accountId, region, endpoint, password }),
    secretsmanager: createSecretsManager({ vault: vaults.secrets, region, accountId }),
    ssm: createParameterStore({ vault: vaults.parameters, region, accountId }),
    logs: createLogs({ store: logStore, region, accountId }),
  };
  const s3 = createS3({ store: objects, region });
  const sts = createSts({ accountId });
  const registryDoor = createRegistryDoor({ store: images, password });
  const traffic = createTraffic();
  const control = createControl({ traffic, logs: logStore, images, password });

  /** Which protocol an exchange speaks, what it asks for, and how that service answers an error. */
  async function route(exchange: Exchange): Promise<Door> {
    const { request, path } = exchange;
    const [service, operation] = header(request, "x-amz-target")?.split(".") ?? [];
    if (service !== undefined && operation !== undefined) {
      const found = services[targets[service as keyof typeof targets] ?? ""];
      const sendError = (error: AwsError): void => sendJsonError(exchange, error);
      if (found !== undefined) return { call: `${found.name}:${operation}`, sendError, serve: () => serveJson(exchange, found, operation) };
      return { call: `${service}:${operation}`, sendError, serve: () => unknownService(service) };
    }
    if (path === "/v2" || path.startsWith("/v2/")) {
      return {
        call: `registry:${request.method}`,
        sendError: (error) => registryDoor.sendError(exchange, error),
        serve: () => registryDoor.serve(exchange),
      };
    }
    if ((header(request, "content-type") ?? "").startsWith("application/x-www-form-urlencoded") && path === "/") {
      const { operation: action, form } = await sts.read(exchange);
      return {
        call: `sts:${action}`,
        sendError: (error) => sts.sendError(exchange, error),
        serve: () => sts.serve(exchange, action, form),
      };
    }
    const asked = s3.operationOf(exchange);
    return { call: `s3:${asked}`, sendError: (error) => s3.sendError(exchange, error), serve: () => s3.serve(exchange, asked) };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", endpoint());
    const exchange: Exchange = { request, response, url, path: (request.url ?? "/").split("?")[0] ?? "/" };
    if (exchange.path.startsWith("/_cloudbuild/")) return control.serve(exchange);
    const door = await route(exchange);
    const fault = traffic.enter(door.call);
    if (fault?.delayMs !== undefined) await delay(fault.delayMs);
    if (fault?.reset === true && fault.afterwards !== true) return void request.socket.destroy();
    if (fault?.cutAfter !== undefined) cutAfter(exchange, fault.cutAfter);
    try {
      const error = fault === undefined ? undefined : faultError(fault);
      if (error !== undefined) throw error;
      if (fault?.afterwards === true) response.end = () => (request.socket.destroy(), response);
      await door.serve();
    } catch (error) {
      if (response.headersSent) return void request.socket.destroy();
      await drain(request);
      door.sendError(error instanceof AwsError ? error : unexpected(error));
    }
  }

  function unexpected(error: unknown): AwsError {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return new AwsError("InternalFailure", error instanceof Error ? error.message : "internal error", 500);
  }

  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A client that went away in the middle is its own affair.
      if (!request.destroyed) log(String(error));
      request.socket.destroy();
    });
  });
  try {
    port = await listen(server, options.port, known?.port);
  } catch (error) {
    unlock();
    throw error;
  }
  writeJson(join(folder, "server.json"), { port, region, accountId, password } satisfies Remembered);
  const project = options.project ?? "cloudbuild";
  const bucket = options.bucket ?? "cloudbuild-contexts";
  await prepare();

  return {
    endpoint: endpoint(),
    registry: registry(),
    accountId,
    region,
    project,
    bucket,
    repositories: Object.fromEntries(images.repositories().map(({ name }) => [name, `${registry()}/${name}`])),
    env: env(),
    async close() {
      await runner.close();
      await builder.close();
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      unlock();
      if (options.stateDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };

  /** Makes what the options name, through the same operations a client would use. */
  async function prepare(): Promise<void> {
    if (!objects.hasBucket(bucket)) objects.createBucket(bucket);
    for (const name of options.repositories ?? []) {
      if (images.repository(name) === undefined) await services["ecr"]?.operations["CreateRepository"]?.({ repositoryName: name });
    }
    if (records.project(project) !== undefined) return;
    await services["codebuild"]?.operations["CreateProject"]?.({
      name: project,
      source: { type: "NO_SOURCE", buildspec: "" },
      artifacts: { type: "NO_ARTIFACTS" },
      environment: {
        type: process.arch === "arm64" ? "ARM_CONTAINER" : "LINUX_CONTAINER",
        computeType: "BUILD_GENERAL1_SMALL",
        image: "local",
        privilegedMode: true,
      },
      serviceRole: `arn:aws:iam::${accountId}:role/${project}`,
    });
  }
}

/** Cuts the connection in the middle of whichever body is long enough: what is on its way there is lost, as with a broken network. */
function cutAfter({ request, response }: Exchange, bytes: number): void {
  let received = 0;
  request.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > bytes) request.socket.destroy();
  });
  request.pause();
  let sent = 0;
  const write = response.write.bind(response) as (chunk: Buffer, ...rest: unknown[]) => boolean;
  response.write = ((chunk: Buffer, ...rest: unknown[]) => {
    sent += chunk.length;
    if (sent <= bytes) return write(chunk, ...rest);
    write(chunk.subarray(0, Math.max(0, bytes - (sent - chunk.length))), () => request.socket.destroy());
    return true;
  }) as typeof response.write;
}

interface Door {
  readonly call: string;
  readonly serve: () => void | Promise<void>;
  readonly sendError: (error: AwsError) => void;
}

function unknownService(name: string): never {
  throw new AwsError("UnknownOperationException", `The local cloud does not implement the service ${name}`);
}

/** A port somebody asked for must be had; the one the state folder remembers is only preferred. */
async function listen(server: Server, wanted: number | undefined, remembered: number | undefined): Promise<number> {
  const attempt = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve((server.address() as AddressInfo).port);
      });
    });
  if (wanted !== undefined && wanted !== 0) return attempt(wanted);
  if (remembered !== undefined) {
    try {
      return await attempt(remembered);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      throw new Error(`port ${remembered}, which this state folder remembers, is in use; stop what uses it, or name another with --port`);
    }
  }
  return attempt(0);
}
