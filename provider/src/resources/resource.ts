import type { Operation } from "../support/operation.ts";
import type { PropertyMap } from "./property-value.ts";

/** What is wrong with one property. `property` is a path: `platforms[1]`, `buildArgs.VERSION`. */
export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

export interface CheckRequest {
  readonly news: PropertyMap;
  /** The checked inputs of the last run; empty when the resource is new. */
  readonly olds: PropertyMap;
}

export interface CheckResult {
  readonly inputs: PropertyMap;
  readonly failures: readonly CheckFailure[];
}

export type DiffKind = "add" | "addReplace" | "delete" | "deleteReplace" | "update" | "updateReplace";

export interface DiffRequest {
  readonly id: string;
  readonly state: PropertyMap;
  readonly oldInputs: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
}

/** Property path → how it changes. Empty: nothing to do. */
export type DetailedDiff = ReadonlyMap<string, DiffKind>;

export interface CreateRequest {
  readonly inputs: PropertyMap;
  readonly preview: boolean;
}

export interface CreateResult {
  readonly id: string;
  readonly state: PropertyMap;
}

export interface UpdateRequest {
  readonly id: string;
  readonly state: PropertyMap;
  readonly oldInputs: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly preview: boolean;
}

export interface ReadRequest {
  readonly id: string;
  /** Absent on import. */
  readonly state: PropertyMap | undefined;
  readonly inputs: PropertyMap | undefined;
}

/** undefined: definitely gone. */
export type ReadResult = { readonly id: string; readonly state: PropertyMap; readonly inputs: PropertyMap } | undefined;

export interface DeleteRequest {
  readonly id: string;
  readonly state: PropertyMap;
  readonly oldInputs: PropertyMap;
}

/** One resource type as the engine drives it. Anything thrown is a failure of the operation; state stays as it was. */
export interface Resource {
  /** How long an operation may take unless the program says otherwise, in milliseconds. */
  readonly defaultTimeoutMs: number;
  check(request: CheckRequest, operation: Operation): Promise<CheckResult>;
  diff(request: DiffRequest): DetailedDiff;
  create(request: CreateRequest, operation: Operation): Promise<CreateResult>;
  update(request: UpdateRequest, operation: Operation): Promise<PropertyMap>;
  read(request: ReadRequest, operation: Operation): Promise<ReadResult>;
  delete(request: DeleteRequest, operation: Operation): Promise<void>;
}

export interface FunctionResult {
  readonly failures: readonly CheckFailure[];
  /** Absent when there are failures. */
  readonly result?: PropertyMap;
}

/** One function as the engine invokes it. */
export interface ProviderFunction {
  call(inputs: PropertyMap, operation: Operation): Promise<FunctionResult>;
}

/** What a provider offers under one configuration, by token. */
export interface Offer {
  readonly resources: ReadonlyMap<string, Resource>;
  readonly functions: ReadonlyMap<string, ProviderFunction>;
}

/**
 * The operation failed, but something exists that the engine must remember: it keeps `id` and `state` and reports `reasons`.
 */
export class PartialStateError extends Error {
  override readonly name = "PartialStateError";
  readonly id: string;
  readonly state: PropertyMap;
  constructor(id: string, state: PropertyMap, cause: Error) {
    super(cause.message, { cause });
    this.id = id;
    this.state = state;
  }
}
