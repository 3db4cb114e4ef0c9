#!/usr/bin/env python3
import json, sys
def tell(job, **what):
    print(json.dumps({"jobId": job["jobId"], **what}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if "stop" not in job:
        tell(job, progress={"percent": 50, "summary": "half done"})
        tell(job, result={"status": "succeeded", "summary": "deployed"})
