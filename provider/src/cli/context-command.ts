import { parseArgs } from "node:util";
import { createContextReader, listContext } from "../context/context-reader.ts";
import { CloudBuildError } from "../errors/cloudbuild-error.ts";

const usage = "usage: cloudbuild context ls DIR [-f DOCKERFILE]\n";
