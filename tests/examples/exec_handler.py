#!/usr/bin/env python3
import json, sys
def tell(**what):
    print(json.dumps(what), flush=True)
job = json.load(sys.stdin)
# import boto3  # finds the job's region and credentials by itself
# place = job["inputArtifacts"][0]["location"]["s3Location"]
# boto3.client("s3").download_file(place["bucketName"], place["objectKey"], "input.zip")
tell(progress={"percent": 50, "summary": "half done"})
tell(result={"status": "succeeded", "summary": "deployed " + job["jobId"]})
