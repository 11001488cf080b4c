import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What a test folder holds: text, an executable, a link, or (null) an empty folder. */
export type FolderContent = Readonly<Record<string, string | Buffer | { readonly exec: string } | { readonly link: string } | null>>;

const made: string[] = [];

/** Makes a folder that goes when `removeFolders` is called. */
export function makeFolder(content: FolderContent = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "cloudbuild-test-"));
  made.push(folder);
  fill(folder, content);
  return folder;
}

export function fill(folder: string, content: FolderContent): void {
  for (const [path, what] of Object.entries(content)) {
    const absolute = join(folder, path);
    mkdirSync(dirname(absolute), { recursive: true });
    if (what === null) mkdirSync(absolute, { recursive: true });
    else if (typeof what === "string" || Buffer.isBuffer(what)) writeFileSync(absolute, what);
    else if ("link" in what) symlinkSync(what.link, absolute);
    else {
      writeFileSync(absolute, what.exec);
      chmodSync(absolute, 0o755);
    }
  }
}

export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
