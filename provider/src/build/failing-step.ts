/** The Dockerfile step that failed, and the last things it said. */
export interface FailingStep {
  /** `[builder 3/4] RUN make` */
  readonly step: string;
  readonly lines: readonly string[];
}

const rule = /^-{6,}$/;
const heading = /^ > (.+?):?$/;
const failure = /^ERROR: (?:failed to (?:solve|build): )?(.+)$/;

/**
 * Finds the failing step in a BuildKit log in plain progress format. BuildKit repeats it at the end between two rules: ` > step:`, then
 * the last lines that step wrote, each after its time. Without that block (the Dockerfile itself was refused) the last `ERROR:` line is
 * the step. undefined when BuildKit reported no failure at all.
 */
export function findFailingStep(log: readonly string[]): FailingStep | undefined {
  const lines = log.map((line) => line.replace(/\r?\n?$/, ""));
  for (let i = lines.length - 1; i > 0; i -= 1) {
    const title = heading.exec(lines[i] ?? "")?.[1];
    if (title === undefined || !rule.test(lines[i - 1] ?? "")) continue;
    const end = lines.findIndex((line, at) => at > i && rule.test(line));
    return { step: title, lines: lines.slice(i + 1, end < 0 ? undefined : end).map(withoutTime) };
  }
  const last = lines.findLast((line) => failure.test(line));
  return last === undefined ? undefined : { step: failure.exec(last)?.[1] ?? last, lines: [] };
}

function withoutTime(line: string): string {
  return line.replace(/^\d+\.\d+ /, "");
}

const stepLine = /^#\d+ (\[(?!internal\])[^\]]+\] .+)$/;

/** The step a line of the log announces, or undefined: what the live line shows. */
export function stepAnnouncedBy(line: string): string | undefined {
  return stepLine.exec(line)?.[1];
}
