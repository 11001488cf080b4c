import { isAbsolute, join } from "node:path";

/**
 * Where this user's caches of this program lie, by the XDG base directory rule: `$XDG_CACHE_HOME`, which counts only if it is absolute, else
 * `~/.cache`. undefined without a home.
 */
export function cacheFolder({ XDG_CACHE_HOME: xdg = "", HOME: home = "" }: NodeJS.ProcessEnv): string | undefined {
  const base = isAbsolute(xdg) ? xdg : isAbsolute(home) ? join(home, ".cache") : undefined;
  return base === undefined ? undefined : join(base, "pulumi-cloudbuild");
}
