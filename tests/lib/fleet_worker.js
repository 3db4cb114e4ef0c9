/* SPDX-License-Identifier: MIT */
// A worker of a fleet that is not pipepoll: it pulls jobs out of the queue with the client of NATS,
// claims and ends them with the AWS SDK for JavaScript, as pipepoll-queue(7) says.
// fleet_worker.js NATS-URL SERVICE-URL UNKNOWN-CLIENT-ID: a line of JSON for each job until it is
// told to end; a first line null where the two are not installed. It gives its first job back
// once, and has no client token for that client.
"use strict";

let nats, sdk;
try {
  nats = require("nats");
  sdk = require("@aws-sdk/client-codepipeline");
} catch (e) {
  console.log("null");
  process.exit();
}

const [servers, endpoint, unknownClient] = process.argv.slice(2);
const fleet = "pipepoll";
const stream = `PIPEPOLL_${fleet}_JOBS`;
const settings = {
  durable_name: "@,ThirdParty,Build,Acme,1",
  filter_subject: `pipepoll.${fleet}.jobs.*.ThirdParty.Build.Acme.1`,
  deliver_policy: "all", ack_policy: "explicit", ack_wait: 30e9, max_deliver: -1,
  replay_policy: "instant", max_ack_pending: 20000, max_waiting: 2048,
};
const OVER = ["InvalidNonceException", "InvalidJobStateException", "JobNotFoundException"];
let hasGivenBack = false;

function say(what, job) {
  console.log(JSON.stringify({ what, jobId: job.jobId }));
}

async function claimAndWork(message, job) {
  const client = new sdk.CodePipelineClient({ endpoint, region: job.region, maxAttempts: 3 });
  const ids = { jobId: job.jobId, clientToken: `token-${job.clientId}` };
  const beat = setInterval(() => message.working(), 10000);
  try {
    const { jobDetails } = await client.send(new sdk.GetThirdPartyJobDetailsCommand(ids));
    const { status } = await client.send(
      new sdk.AcknowledgeThirdPartyJobCommand({ ...ids, nonce: jobDetails.nonce }));
    await message.ackAck();
    if (status !== "InProgress") return say("another's", job);
    await client.send(new sdk.PutThirdPartyJobSuccessResultCommand(ids));
    say("succeeded", job);
  } catch (e) {
    if (!OVER.includes(e.name)) throw e;
    message.ack();
    say("over", job);
  } finally {
    clearInterval(beat);
  }
}

async function bury(js, message, job) {
  const { nonce, ...rest } = job;
  const letter = { v: 1, reason: "no-client-token", why: "its client is unknown", job: rest };
  await js.publish(`pipepoll.${fleet}.dead.no-client-token`, JSON.stringify(letter));
  message.ack();
  say("buried", job);
}

async function take(js, message) {
  const job = message.json();
  if (job.v !== 1) return message.nak(10000); // a later one: for who knows it
  if (!hasGivenBack) {
    hasGivenBack = true;
    message.nak();
    return say("given back", job);
  }
  if (job.clientId === unknownClient) return bury(js, message, job);
  return claimAndWork(message, job);
}

async function main() {
  const connection = await nats.connect({ servers, maxReconnectAttempts: -1 });
  const js = connection.jetstream();
  await (await connection.jetstreamManager()).consumers.add(stream, settings);
  const consumer = await js.consumers.get(stream, settings.durable_name);
  console.log(JSON.stringify({ what: "ready" }));
  process.stdin.resume().on("end", () => process.exit());
  for await (const message of await consumer.consume({ max_messages: 4 })) {
    take(js, message).catch((e) => {
      console.error(e.name, e.message);
      message.nak(10000);
    });
  }
}

main().catch((e) => {
  console.error(e.name, e.message);
  process.exit(1);
});
