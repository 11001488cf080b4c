import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Writes a file so that a reader sees the old content or the new one, never a part. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.part`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

export function writeJson(path: string, value: unknown): void {
  writeWhole(path, `${JSON.stringify(value, null, 1)}\n`);
}

export function readJson<T>(path: string): T | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

export function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** A name of any characters as a file name, and back. */
export function fileNameOf(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E").replaceAll("*", "%2A");
}

export function nameOfFile(fileName: string): string {
  return decodeURIComponent(fileName);
}

/** Takes a state folder for this process. Throws when another living process has it; a dead one's lock is taken over. */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "lock");
  for (let tries = 0; ; tries += 1) {
    try {
      const file = openSync(path, "wx");
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || tries > 3) throw error;
      const owner = Number(readIfThere(path) ?? "");
      if (owner > 0 && owner !== process.pid && isAlive(owner)) {
        throw new Error(`the state folder "${folder}" is in use by process ${owner}; stop it, or name another folder`);
      }
      rmSync(path, { force: true });
    }
  }
}

/** False for a process that has ended, also one whose parent has not taken note of it yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  // pid (name) state …
  return !/\) [ZX] /.test(readIfThere(`/proc/${pid}/stat`) ?? "");
}
