/* SPDX-License-Identifier: MIT */
// Polls with the AWS SDK for JavaScript v3: node javascript_polls.cjs URL ROOTS IN_FLIGHT POLLS
// One client, its sockets kept alive (the SDK's default), as many chains of calls as are in flight.
'use strict';
const fs = require('node:fs');
const https = require('node:https');
const { CodePipelineClient, PollForThirdPartyJobsCommand } =
    require('@aws-sdk/client-codepipeline');

const [url, roots, atOnce, polls] = process.argv.slice(2);
const client = new CodePipelineClient({
    region: 'us-east-1',
    endpoint: url,
    maxAttempts: 1,
    credentials: {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    },
    requestHandler: {
        httpsAgent: new https.Agent({
            keepAlive: true,
            maxSockets: Number(atOnce),
            ca: fs.readFileSync(roots),
        }),
    },
});
const actionTypeId = {
    category: 'Build',
    owner: 'ThirdParty',
    provider: 'Bench000000',
    version: '1',
};

async function poll(times) {
    while (times-- > 0)
        await client.send(new PollForThirdPartyJobsCommand({ actionTypeId }));
}

async function main() {
    const each = Math.floor(Number(polls) / Number(atOnce));
    await Promise.all(Array.from({ length: Number(atOnce) }, () => poll(each)));
    client.destroy();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
