import * as pulumi from "@pulumi/pulumi";
import * as cloudbuild from "pulumi-cloudbuild";

const config = new pulumi.Config();

const image = new cloudbuild.CloudBuildImage("app", {
  repositoryUrl: config.require("repositoryUrl"),
  context: "./app",
  project: config.require("project"),
  contextBucket: config.require("contextBucket"),
  buildArgs: {
    BASE: config.require("baseImage"),
    GREETING: "it's built in the cloud",
  },
  tags: ["latest"],
});

export const imageUri = image.imageUri;
export const digest = image.digest;
export const outcome = image.outcome;
export const contextHash = image.contextHash;
