import { CloudBuildError } from "../errors/cloudbuild-error.ts";

/** A repository as a value: what a repository URL says, parsed once. */
export interface Repository {
  /** `host[:port]/path`, exactly what an image reference begins with. No scheme. */
  readonly url: string;
  /** `host[:port]`. */
  readonly registry: string;
  /** The repository's name inside the registry, may hold slashes. */
  readonly name: string;
  /** What an ECR host says about itself; absent for any other host. */
  readonly ecr?: { readonly accountId: string; readonly region: string };
}

// Amazon ECR's private registry hosts, in every partition, with their FIPS and dual-stack spellings.
const ecrHost =
  /^(?<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/;

// The distribution specification's repository name: path components of lowercase letters and digits with single separators.
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryName = new RegExp(`^${component}(?:/${component})*$`);
const registryHost = /^[A-Za-z0-9.-]+(?::\d{1,5})?$/;

/**
 * Parses a repository URL. Accepts `host/name` with or without `https://`; a tag or digest is refused, because tags are an input of
 * their own.
 */
export function parseRepository(url: string): Repository {
  const bare = url.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const registry = bare.slice(0, Math.max(slash, 0));
  const name = bare.slice(slash + 1);
  if (slash <= 0 || !registryHost.test(registry)) {
    throw invalid(url, "expected registry/name, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app");
  }
  if (name.includes("@") || name.includes(":")) throw invalid(url, "a tag or digest does not belong in it; use `tags`");
  if (!repositoryName.test(name) || name.length > 256) {
    throw invalid(url, `"${name}" is not a repository name: lowercase letters and digits, separated by . _ - or /`);
  }
  const groups = ecrHost.exec(registry)?.groups;
  const account = groups?.["account"];
  const region = groups?.["region"];
  return { url: bare, registry, name, ...(account && region ? { ecr: { accountId: account, region } } : {}) };
}

function invalid(url: string, why: string): CloudBuildError {
  return new CloudBuildError("input-invalid", `"${url}" is not a repository URL: ${why}`);
}
