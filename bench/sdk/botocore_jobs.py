# SPDX-License-Identifier: MIT
"""Jobs with botocore: python3 botocore_jobs.py URL ROOTS THREADS SKIP JOBS

One thread polls; the others take each job through details, acknowledgement and success. One thread
in all does everything in a plain loop. The first SKIP jobs are not measured.
"""
import concurrent.futures
import json
import resource
import sys
import threading
import time

import botocore.config
import botocore.session

ACTION_TYPE = {'category': 'Build', 'owner': 'ThirdParty', 'provider': 'Bench', 'version': '1'}


class Count:
    def __init__(self, skip, jobs):
        self.skip, self.jobs, self.ended, self.lock = skip, jobs, 0, threading.Lock()
        self.first = self.last = None

    def add(self):
        with self.lock:
            self.ended += 1
            if self.ended == self.skip:
                self.first = (time.monotonic(), time.process_time())
            if self.ended == self.skip + self.jobs:
                self.last = (time.monotonic(), time.process_time())


def work(client, job, count):
    token = 'token-' + job['clientId']
    key = {'jobId': job['jobId'], 'clientToken': token}
    details = client.get_third_party_job_details(**key)['jobDetails']
    claim = client.acknowledge_third_party_job(nonce=details['nonce'], **key)
    if claim['status'] == 'InProgress':
        client.put_third_party_job_success_result(executionDetails={'summary': 'done'}, **key)
        count.add()


def poll(client):
    return client.poll_for_third_party_jobs(actionTypeId=ACTION_TYPE, maxBatchSize=10)['jobs']


def work_all(client, threads, count):
    if threads == 1:
        while not count.last:
            for job in poll(client):
                work(client, job, count)
        return
    slots = threading.Semaphore(4 * threads)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        while not count.last:
            for job in poll(client):
                slots.acquire()
                done = pool.submit(work, client, job, count)
                done.add_done_callback(lambda _: slots.release())


def main():
    url, roots = sys.argv[1:3]
    threads, skip, jobs = (int(text) for text in sys.argv[3:])
    client = botocore.session.Session().create_client(
        'codepipeline', 'us-east-1', endpoint_url=url, verify=roots,
        aws_access_key_id='AKIDEXAMPLE',
        aws_secret_access_key='wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
        config=botocore.config.Config(max_pool_connections=threads + 1))
    count = Count(skip, jobs)
    work_all(client, threads, count)
    seconds, cpu_s = (last - first for first, last in zip(count.first, count.last))
    resident_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({'jobs': jobs, 'seconds': seconds, 'cpu_us_per_job': cpu_s / jobs * 1e6,
                      'resident_kb': [resident_kb]}))


main()
