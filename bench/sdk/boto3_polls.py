# SPDX-License-Identifier: MIT
"""Polls with boto3: python3 boto3_polls.py URL ROOTS IN_FLIGHT POLLS

One in flight is a plain loop, as most scripts have it; more are as many threads on one client.
"""
import concurrent.futures
import sys

import boto3
import botocore.config

ACTION_TYPE = {'category': 'Build', 'owner': 'ThirdParty', 'provider': 'Bench000000',
               'version': '1'}


def main():
    url, roots, in_flight, polls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    client = boto3.client(
        'codepipeline', 'us-east-1', endpoint_url=url, verify=roots,
        aws_access_key_id='AKIDEXAMPLE',
        aws_secret_access_key='wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
        config=botocore.config.Config(max_pool_connections=in_flight,
                                      retries={'total_max_attempts': 1}))

    def poll(times):
        for _ in range(times):
            client.poll_for_third_party_jobs(actionTypeId=ACTION_TYPE)

    if in_flight == 1:
        poll(polls)
        return
    with concurrent.futures.ThreadPoolExecutor(in_flight) as threads:
        for done in [threads.submit(poll, polls // in_flight) for _ in range(in_flight)]:
            done.result()


main()
