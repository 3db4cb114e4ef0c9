/* SPDX-License-Identifier: MIT */
// The AWS SDK for JavaScript in place of lib/artifact_client.py: the same commands but "age".
"use strict";

const readline = require("readline");

let sdk;
try {
  sdk = require("@aws-sdk/client-s3");
} catch (e) {
  console.log("null");
  process.exit();
}

const s3 = new sdk.S3Client({
  endpoint: process.argv[2], region: "us-east-1", forcePathStyle: true, maxAttempts: 1,
});

async function run(command) {
  const at = { Bucket: "artifacts", Key: command.put || command.get };
  if (command.put) {
    await s3.send(new sdk.PutObjectCommand({ ...at, Body: command.text }));
    return "";
  }
  return (await s3.send(new sdk.GetObjectCommand(at))).Body.transformToString();
}

async function main() {
  console.log(JSON.stringify(require("@aws-sdk/client-s3/package.json").version));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      console.log(JSON.stringify({ text: await run(JSON.parse(line)) }));
    } catch (e) {
      console.log(JSON.stringify({ error: `${e.name}: ${e.message}` }));
    }
  }
}

main();
