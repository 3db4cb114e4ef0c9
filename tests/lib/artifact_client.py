# SPDX-License-Identifier: MIT
"""botocore as a job's program has it, with nothing but its environment; for witness_artifacts.py.
Run by any interpreter that has botocore. A line of JSON for each command on stdin:

    {"put": KEY, "text": TEXT}   an object of bucket "artifacts"
    {"get": KEY}
    {"age": S}                   as if its credentials had been fetched so much earlier

answered by a line: {"text"} or {"error"}. The first line that it writes is botocore's version."""

import json
import sys

try:
    import botocore
    import botocore.config
    import botocore.exceptions
    import botocore.session
    import botocore.utils
except ImportError:
    print("null")
    sys.exit()

import datetime

botocore.utils.ContainerMetadataFetcher.SLEEP_TIME = 0  # between its attempts
ERRORS = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, RuntimeError)


class Client:
    def __init__(self, url):
        self.session = botocore.session.Session()
        self.url, self.s3 = url, None

    def run(self, command):
        if "age" in command:
            credentials = self.session.get_credentials()
            credentials._expiry_time -= datetime.timedelta(seconds=command["age"])
            return ""
        if not self.s3:
            config = botocore.config.Config(retries={"max_attempts": 0}, proxies={})
            self.s3 = self.session.create_client("s3", "us-east-1", endpoint_url=self.url,
                                                 config=config)
        if "put" in command:
            self.s3.put_object(Bucket="artifacts", Key=command["put"],
                               Body=command["text"].encode())
            return ""
        return self.s3.get_object(Bucket="artifacts", Key=command["get"])["Body"].read().decode()


def main():
    client = Client(sys.argv[1])
    print(json.dumps(botocore.__version__), flush=True)
    for line in sys.stdin:
        try:
            answer = {"text": client.run(json.loads(line))}
        except ERRORS as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


main()
