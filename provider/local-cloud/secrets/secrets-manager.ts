import { randomUUID } from "node:crypto";
import { AwsError } from "../aws-error.ts";
import type { JsonService } from "../http/aws-json.ts";
import { epochSeconds, reader, type JsonObject, type Reader } from "../json.ts";
import type { StoredSecret, Vault } from "./vault.ts";

/** Secrets Manager, as far as builds and people who try them need it: texts, one version each. */
export function createSecretsManager({ vault, region, accountId }: { vault: Vault; region: string; accountId: string }): JsonService {
  const read = (input: JsonObject): Reader => reader(input, "InvalidParameterException");
  const arnOf = (name: string): string => `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}`;

  function existing(input: Reader): StoredSecret {
    const id = input.requiredText("SecretId");
    const found = vault.get(id.startsWith(arnOf("")) ? id.slice(arnOf("").length) : id);
    if (found === undefined) throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    return found;
  }

  const about = ({ name, versionId }: StoredSecret): JsonObject => ({ ARN: arnOf(name), Name: name, VersionId: versionId });
  const newVersion = (name: string, input: Reader): StoredSecret => ({
    name,
    value: input.requiredText("SecretString"),
    versionId: randomUUID(),
    createdAt: Date.now(),
  });

  return {
    name: "secretsmanager",
    operations: {
      CreateSecret(raw) {
        const input = read(raw);
        const name = input.requiredText("Name");
        if (vault.get(name) !== undefined)
          throw new AwsError("ResourceExistsException", `The operation failed because the secret ${name} already exists.`);
        const made = newVersion(name, input);
        vault.put(made);
        return about(made);
      },
      PutSecretValue(raw) {
        const input = read(raw);
        const made = newVersion(existing(input).name, input);
        vault.put(made);
        return about(made);
      },
      GetSecretValue(raw) {
        const found = existing(read(raw));
        return { ...about(found), SecretString: found.value, VersionStages: ["AWSCURRENT"], CreatedDate: epochSeconds(found.createdAt) };
      },
      DeleteSecret(raw) {
        const found = existing(read(raw));
        vault.delete(found.name);
        return { ARN: arnOf(found.name), Name: found.name, DeletionDate: epochSeconds(Date.now()) };
      },
    },
  };
}
