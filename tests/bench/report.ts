import { cpus, loadavg, totalmem, version } from "node:os";
import type { Row } from "./section.ts";

export interface Measured {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What the terminal shows of one section. */
export function describe({ title, rows }: Measured): string {
  const lines = rows.map(({ what, ours, beside, ratio, goal }) => {
    const verdict = goal === undefined ? undefined : `(goal: ${goal.text}${goal.met ? "" : ", MISSED"})`;
    return `  ${[`${what}: ${ours}`, beside?.replaceAll("\\|", "|").replaceAll("`", ""), ratio].filter((part) => part !== undefined).join("; ")} ${verdict ?? ""}`.trimEnd();
  });
  return `${title}\n${lines.join("\n")}\n`;
}

/** docs/benchmarks.md. */
export function page(sections: readonly Measured[], date: Date): string {
  const [cpu] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  const head = [
    "# Benchmarks",
    "",
    "Written by `make bench`, which overwrites it. Medians of one run in which each pair was timed in turns; the ratios are what counts.",
    "",
    `${date.toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpu?.model.trim() ?? "unknown CPU"}, ${memory} GiB, ${process.platform} ${version()}; load ${loadavg()[0]?.toFixed(1)} at the end.`,
  ];
  const tables = sections.flatMap(({ title, rows }) => [
    "",
    `## ${title}`,
    "",
    "| what | ours | beside it | ratio | goal |",
    "|---|---|---|---|---|",
    ...rows.map(({ what, ours, beside, ratio, goal }) => {
      const verdict = goal === undefined ? "" : `${goal.text}: ${goal.met ? "met" : "missed"}`;
      return `| ${what} | ${ours} | ${beside ?? ""} | ${ratio ?? ""} | ${verdict} |`;
    }),
  ]);
  return `${[...head, ...tables].join("\n")}\n`;
}
