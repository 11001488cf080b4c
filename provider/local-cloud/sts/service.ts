import { randomBytes, randomUUID } from "node:crypto";
import { AwsError } from "../aws-error.ts";
import { answer, readBody, type Exchange } from "../http/exchange.ts";
import { toXml, type XmlTree } from "../http/xml.ts";

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/";

/** STS speaks the AWS Query protocol: a form in, XML out. */
export function createSts({ accountId }: { accountId: string }) {
  const operations: Readonly<Record<string, (form: URLSearchParams) => XmlTree>> = {
    GetCallerIdentity: () => ({ Arn: `arn:aws:iam::${accountId}:user/local`, UserId: "AIDALOCAL", Account: accountId }),
    AssumeRole: (form) => assumeRole(form),
  };

  return {
    /** The name of the operation a form asks for, and the form. */
    async read(exchange: Exchange): Promise<{ operation: string; form: URLSearchParams }> {
      const form = new URLSearchParams((await readBody(exchange.request)).toString("utf8"));
      return { operation: form.get("Action") ?? "", form };
    },
    serve(exchange: Exchange, operation: string, form: URLSearchParams): void {
      const act = operations[operation];
      if (act === undefined) throw new AwsError("InvalidAction", `The local cloud does not implement sts:${operation}`);
      const result = {
        [`${operation}Response xmlns="${namespace}"`]: { [`${operation}Result`]: act(form), ResponseMetadata: { RequestId: randomUUID() } },
      };
      answer(exchange, 200, { "content-type": "text/xml" }, toXml(result));
    },
    sendError(exchange: Exchange, error: AwsError): void {
      const body = {
        [`ErrorResponse xmlns="${namespace}"`]: {
          Error: { Type: "Sender", Code: error.code, Message: error.message },
          RequestId: randomUUID(),
        },
      };
      answer(exchange, error.status, { "content-type": "text/xml" }, toXml(body));
    },
  };
}

function assumeRole(form: URLSearchParams): XmlTree {
  const arn = form.get("RoleArn") ?? "";
  const session = form.get("RoleSessionName") ?? "";
  const [, account, role] = /^arn:[a-z-]+:iam::(\d{12}):role\/(.+)$/.exec(arn) ?? [];
  if (account === undefined || role === undefined || session === "")
    throw new AwsError("ValidationError", `"${arn}" is not the ARN of a role`);
  const seconds = Number(form.get("DurationSeconds") ?? 3600);
  return {
    Credentials: {
      AccessKeyId: "ASIALOCAL",
      SecretAccessKey: randomBytes(20).toString("hex"),
      SessionToken: randomBytes(20).toString("hex"),
      Expiration: new Date(Date.now() + seconds * 1000).toISOString(),
    },
    AssumedRoleUser: { AssumedRoleId: `AROALOCAL:${session}`, Arn: `arn:aws:sts::${account}:assumed-role/${role}/${session}` },
  };
}
