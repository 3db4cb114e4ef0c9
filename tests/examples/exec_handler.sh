#!/bin/sh
job=$(cat)
# place=$(printf %s "$job" | jq -r '.inputArtifacts[0].location.s3Location |
#     "s3://" + .bucketName + "/" + .objectKey')
# aws s3 cp "$place" input.zip  # finds the job's region and credentials by itself
echo '{"progress": {"percent": 50, "summary": "half done"}}'
echo "got ${#job} characters" >&2  # for the log
echo '{"result": {"status": "succeeded", "summary": "deployed"}}'
