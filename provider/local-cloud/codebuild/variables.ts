import type { Vault } from "../secrets/vault.ts";
import type { Variable } from "./records.ts";

/** A variable whose value cannot be had; the build fails before its first command. */
export class VariableError extends Error {
  override readonly name = "VariableError";
  readonly statusCode: string;
  constructor(statusCode: string, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

export interface ResolvedVariables {
  readonly env: Readonly<Record<string, string>>;
  /** Values that a log must not show. */
  readonly secrets: readonly string[];
}

/**
 * The values of a build's variables. `SECRETS_MANAGER` takes `id[:json-key[:version-stage[:version-id]]]`, `PARAMETER_STORE` a name (docs:
 * build-spec-ref).
 */
export function resolveVariables(variables: readonly Variable[], vaults: { secrets: Vault; parameters: Vault }): ResolvedVariables {
  const values = variables.map(({ name, value, type }) => [name, type === "PLAINTEXT" ? value : secretValue(type, value, vaults)] as const);
  const secrets = variables.flatMap(({ type }, i) => (type === "PLAINTEXT" ? [] : [values[i]?.[1] ?? ""]));
  return { env: Object.fromEntries(values), secrets: secrets.filter((secret) => secret !== "") };
}

function secretValue(type: string, reference: string, { secrets, parameters }: { secrets: Vault; parameters: Vault }): string {
  if (type === "PARAMETER_STORE") {
    const found = parameters.get(reference);
    if (found !== undefined) return found.value;
    throw new VariableError("PARAMETER_STORE_ERROR", `Parameter does not exist: ${reference}`);
  }
  const [, arn, rest = ""] = /^(arn:aws:secretsmanager:[^:]*:[^:]*:secret:)?(.*)$/.exec(reference) ?? [];
  const [name = "", key = "", ...version] = rest.split(":");
  const found = secrets.get(name);
  if (found === undefined || version.some((part) => part !== "" && part !== "AWSCURRENT")) {
    throw new VariableError("SECRETS_MANAGER_ERROR", `Secrets Manager can't find the specified secret: ${arn ?? ""}${rest}`);
  }
  if (key === "") return found.value;
  const value = fieldOf(found.value, key);
  if (value === undefined) throw new VariableError("SECRETS_MANAGER_ERROR", `the secret ${name} has no key ${key}`);
  return value;
}

function fieldOf(text: string, key: string): string | undefined {
  try {
    const value = (JSON.parse(text) as Record<string, unknown>)[key];
    return typeof value === "string" ? value : value === undefined ? undefined : JSON.stringify(value);
  } catch {
    return undefined;
  }
}
