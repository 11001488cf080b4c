import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// What the examples' Dockerfiles call, and a little more.
const applets = "sh cat cp echo env grep head ls mkdir mv printf pwd rm sed seq sleep sort stat tail test touch tr true false wc".split(
  " ",
);

/**
 * Pushes a base image that can be had without a public registry: a statically linked busybox and nothing else. Answers its reference.
 */
export function pushBaseImage(crane: (...args: string[]) => string, repositoryUrl: string): string {
  const folder = mkdtempSync(join(tmpdir(), "base-image-"));
  try {
    const bin = join(folder, "layer/bin");
    mkdirSync(bin, { recursive: true });
    mkdirSync(join(folder, "layer/tmp"));
    copyFileSync(execFileSync("sh", ["-c", "command -v busybox-static"], { encoding: "utf8" }).trim(), join(bin, "busybox"));
    for (const applet of applets) symlinkSync("busybox", join(bin, applet));
    const layer = join(folder, "layer.tar");
    execFileSync("tar", ["-C", join(folder, "layer"), "--owner=0", "--group=0", "--mtime=@0", "-cf", layer, "bin", "tmp"]);
    const reference = `${repositoryUrl}:latest`;
    const architecture = process.arch === "arm64" ? "arm64" : "amd64";
    crane("append", "--oci-empty-base", "-f", layer, "-t", reference);
    crane("mutate", reference, "--set-platform", `linux/${architecture}`, "--env", "PATH=/bin", "-t", reference);
    return reference;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
