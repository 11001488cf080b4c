import { createHash } from "node:crypto";
import type { BuildId } from "../../build/build-backend.ts";
import type { BuildIdentity, BuildRequest } from "../../build/build-request.ts";
import { awsError } from "../../support/aws-errors.ts";
import type { Clock } from "../../support/clock.ts";
import { retry } from "../../support/retry.ts";
import type { ParametersApi, StoredParameter } from "./parameters-api.ts";

/** Secrets given by value wait for their build in Parameter Store, encrypted, under names that only such secrets have. */
export interface ParkedSecrets {
  /** Parks every secret of the request that came by value, and names each by the parameter it is now in. */
  park(request: BuildRequest, previous: BuildId | undefined, signal: AbortSignal): Promise<BuildRequest>;
  /** Takes away what was parked for this build, and what a crash left behind more than a day ago. */
  release(identity: BuildIdentity, previous: BuildId | undefined, signal: AbortSignal): Promise<void>;
}

const root = "/cloudbuild/";
// A build may take 36 hours; what is older than that waits for nobody.
const staleMs = 48 * 3_600_000;
// What DeleteParameters takes in one call.
const maxNames = 10;

export function createParkedSecrets({ api, clock }: { api: ParametersApi; clock: Clock }): ParkedSecrets {
  const call = async <T>(action: string, signal: AbortSignal, make: () => Promise<T>): Promise<T> => {
    try {
      return await retry(make, { clock, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw awsError(error, `ssm:${action} below "${root}"`);
    }
  };

  async function list(path: string, signal: AbortSignal): Promise<StoredParameter[]> {
    const found: StoredParameter[] = [];
    let nextToken: string | undefined;
    do {
      const page = await call("GetParametersByPath", signal, () => api.list(path, nextToken, signal));
      found.push(...page.parameters);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return found;
  }

  return {
    async park(request, previous, signal) {
      const entries = await Promise.all(
        Object.entries(request.secrets).map(async ([name, secret]) => {
          if (secret.store !== "value") return [name, secret] as const;
          const parameter = `${folderOf(request, previous)}${name}`;
          await call("PutParameter", signal, () => api.putSecure(parameter, secret.value, signal));
          return [name, { store: "parameterStore", reference: parameter }] as const;
        }),
      );
      return { ...request, secrets: Object.fromEntries(entries) };
    },
    async release(identity, previous, signal) {
      const own = folderOf(identity, previous);
      const names = (await list(root, signal))
        .filter(({ name, modifiedAt }) => name.startsWith(own) || modifiedAt < clock.now() - staleMs)
        .map(({ name }) => name);
      for (let start = 0; start < names.length; start += maxNames) {
        await call("DeleteParameters", signal, () => api.delete(names.slice(start, start + maxNames), signal));
      }
    },
  };
}

/** Equal requests park in equal places, so that their builds are one; a new try after a failure parks anew, out of the way of the last one's release. */
function folderOf({ contentTag, repository }: BuildIdentity, previous: BuildId | undefined): string {
  const place = createHash("sha256")
    .update(JSON.stringify([repository.url, previous ?? null]))
    .digest("hex")
    .slice(0, 16);
  return `${root}${contentTag}/${place}/`;
}
