/* SPDX-License-Identifier: MIT */
// The AWS SDK for JavaScript as a worker of the simulator: a line of JSON that it reads,
// {"operation", "input"}, is answered by a line {"answer"}, {"code", "message"} or {"lost"}.
// Its first line is the SDK's version, or null where there is none.
"use strict";

const readline = require("readline");

let sdk;
try {
  sdk = require("@aws-sdk/client-codepipeline");
} catch (e) {
  console.log("null");
  process.exit();
}

const client = new sdk.CodePipelineClient({
  endpoint: process.argv[2], region: "us-east-1", maxAttempts: 1,
});

async function run({ operation, input }) {
  try {
    const { $metadata, ...answer } = await client.send(new sdk[`${operation}Command`](input));
    return { answer };
  } catch (e) {
    return e.$response || e.$fault ? { code: e.name, message: e.message } : { lost: `${e}` };
  }
}

async function main() {
  console.log(JSON.stringify(require("@aws-sdk/client-codepipeline/package.json").version));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await run(JSON.parse(line))));
  }
}

main();
