import type { Reporter } from "../../support/reporter.ts";

/**
 * One reporter for each platform of an image, by its name. Lines that stay begin with it; the one live line of the image shows what each
 * platform does, side by side.
 */
export function platformReporters(reporter: Reporter): (platform: string) => Reporter {
  const live = new Map<string, string>();
  return (platform) => ({
    status(line) {
      if (line === "") live.delete(platform);
      else live.set(platform, line);
      const lines = [...live].sort(([a], [b]) => (a < b ? -1 : 1));
      reporter.status(lines.map(([name, text]) => `${name}: ${text}`).join(" | "));
    },
    info: (text) => reporter.info(`${platform}: ${text}`),
    warn: (text) => reporter.warn(`${platform}: ${text}`),
    debug: (text) => reporter.debug(`${platform}: ${text}`),
  });
}
