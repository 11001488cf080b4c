import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJson } from "../state-folder.ts";

export interface StoredSecret {
  readonly name: string;
  readonly value: string;
  readonly versionId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Of a parameter: `String` or `SecureString`. */
  readonly type?: string;
}

/** Named values in one file that only its owner may read. */
export interface Vault {
  all(): StoredSecret[];
  get(name: string): StoredSecret | undefined;
  put(secret: StoredSecret): void;
  delete(name: string): void;
}

export function createVault(folder: string, name: string): Vault {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  const path = join(folder, `${name}.json`);
  const secrets = new Map((readJson<StoredSecret[]>(path) ?? []).map((secret) => [secret.name, secret]));
  const save = (): void => writeJson(path, [...secrets.values()]);
  return {
    all: () => [...secrets.values()],
    get: (wanted) => secrets.get(wanted),
    put(secret) {
      secrets.set(secret.name, secret);
      save();
    },
    delete(wanted) {
      secrets.delete(wanted);
      save();
    },
  };
}
