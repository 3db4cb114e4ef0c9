#!/usr/bin/env node
const tell = line => console.log(JSON.stringify(line));
require('readline').createInterface({ input: process.stdin }).on('line', line => {
    const { jobId, stop } = JSON.parse(line);
    if (stop) return;
    tell({ jobId, progress: { percent: 50, summary: 'half done' } });
    tell({ jobId, result: { status: 'succeeded', summary: 'deployed' } });
});
