#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write endpoints.jsonl: regions, and the host of each of their four endpoints.

usage: make_endpoints.py [--check]

The table follows from the partitions, which are few and stand here; the file has what the rule
makes of them. --check compares the file with the rule, and each region that botocore knows with
botocore.
"""
import argparse
import json
import sys
from pathlib import Path

FILE = Path(__file__).with_name("endpoints.jsonl")
PARTITIONS = {  # partition: (suffix, suffix of dual stack, regions)
    "aws": ("amazonaws.com", "api.aws",
            "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1"
            " ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ca-central-1"
            " eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2"
            " eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1"
            " us-east-2 us-west-1 us-west-2"),
    "aws-cn": ("amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1 cn-northwest-1"),
    "aws-us-gov": ("amazonaws.com", "api.aws", "us-gov-east-1 us-gov-west-1"),
    "aws-iso": ("c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1 us-iso-west-1"),
    "aws-iso-b": ("sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1"),
    "aws-eusc": ("amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1"),
}


def make():
    for partition, (suffix, dual, regions) in PARTITIONS.items():
        for region in regions.split():
            yield {"region": region, "partition": partition,
                   "host": f"codepipeline.{region}.{suffix}",
                   "dualstack": f"codepipeline.{region}.{dual}",
                   "fips": f"codepipeline-fips.{region}.{suffix}",
                   "fipsDualstack": f"codepipeline-fips.{region}.{dual}"}


def check(rows):
    if [json.loads(line) for line in FILE.read_text().splitlines()] != rows:
        sys.exit(f"{FILE.name} is not what {Path(__file__).name} writes: run it")
    try:
        import botocore.session
    except ImportError:
        print("skipped: no botocore")
        sys.exit(77)
    session = botocore.session.Session()
    resolver = session.get_component("endpoint_resolver")
    known = {region for partition in session.get_available_partitions()
             for region in resolver.get_partition_dns_suffix(partition) and
             session.get_available_regions("ec2", partition)}
    agreed = 0
    for row in rows:
        if row["region"] not in known:
            continue
        found = resolver.construct_endpoint("codepipeline", row["region"], row["partition"])
        if found["hostname"] != row["host"]:
            sys.exit(f"botocore says {found['hostname']}, not {row['host']}")
        agreed += 1
    print(f"botocore knows {agreed} of {len(rows)} regions, and agrees")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    rows = list(make())
    if options.parse_args().check:
        check(rows)
    else:
        FILE.write_text("".join(json.dumps(row) + "\n" for row in rows))


main()
