import { AwsError } from "../aws-error.ts";
import type { JsonService } from "../http/aws-json.ts";
import { epochSeconds, reader, type JsonObject, type Reader } from "../json.ts";
import type { StoredSecret, Vault } from "./vault.ts";

/** Systems Manager's Parameter Store, as far as builds and people who try them need it. */
export function createParameterStore({ vault, region, accountId }: { vault: Vault; region: string; accountId: string }): JsonService {
  const read = (input: JsonObject): Reader => reader(input, "ValidationException");

  const describe = ({ name, value, type, createdAt, versionId }: StoredSecret): JsonObject => ({
    Name: name,
    Type: type,
    Value: value,
    Version: Number(versionId),
    LastModifiedDate: epochSeconds(createdAt),
    ARN: `arn:aws:ssm:${region}:${accountId}:parameter/${name.replace(/^\//, "")}`,
  });

  return {
    name: "ssm",
    operations: {
      PutParameter(raw) {
        const input = read(raw);
        const name = input.requiredText("Name");
        const known = vault.get(name);
        if (known !== undefined && input.flag("Overwrite") !== true)
          throw new AwsError("ParameterAlreadyExists", "The parameter already exists.");
        const version = Number(known?.versionId ?? 0) + 1;
        const type = input.text("Type") ?? known?.type ?? "String";
        vault.put({ name, value: input.requiredText("Value"), type, versionId: String(version), createdAt: Date.now() });
        return { Version: version, Tier: "Standard" };
      },
      GetParameter(raw) {
        const found = vault.get(read(raw).requiredText("Name"));
        if (found === undefined) throw new AwsError("ParameterNotFound", "The parameter does not exist.");
        return { Parameter: describe(found) };
      },
      GetParameters(raw) {
        const names = read(raw).requiredTexts("Names");
        const found = names.map((name) => vault.get(name)).filter((one) => one !== undefined);
        return { Parameters: found.map(describe), InvalidParameters: names.filter((name) => vault.get(name) === undefined) };
      },
      GetParametersByPath(raw) {
        const input = read(raw);
        const path = `${input.requiredText("Path").replace(/\/$/, "")}/`;
        const deep = input.flag("Recursive") === true;
        const below = vault.all().filter(({ name }) => name.startsWith(path) && (deep || !name.slice(path.length).includes("/")));
        const hidden = (one: StoredSecret): boolean => one.type === "SecureString" && input.flag("WithDecryption") !== true;
        return { Parameters: below.map((one) => ({ ...describe(one), ...(hidden(one) ? { Value: "encrypted" } : {}) })) };
      },
      DeleteParameters(raw) {
        const names = read(raw).requiredTexts("Names");
        const there = names.filter((name) => vault.get(name) !== undefined);
        for (const name of there) vault.delete(name);
        return { DeletedParameters: there, InvalidParameters: names.filter((name) => !there.includes(name)) };
      },
      DeleteParameter(raw) {
        const name = read(raw).requiredText("Name");
        if (vault.get(name) === undefined) throw new AwsError("ParameterNotFound", "The parameter does not exist.");
        vault.delete(name);
        return {};
      },
    },
  };
}
