"""An S3 server for trials: `python docker/s3_server.py PORT BUCKET...`. Its objects are in memory and end with it."""

import os
import signal
import sys

import boto3
from moto.server import ThreadedMotoServer

port, *buckets = sys.argv[1:]
STOP = {signal.SIGTERM, signal.SIGINT}
# In this thread and in those that it starts, so that the signal waits for `sigwait`.
signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
os.environ |= {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}
server = ThreadedMotoServer(ip_address="0.0.0.0", port=int(port), verbose=False)
server.start()
client = boto3.client("s3", endpoint_url=f"http://localhost:{port}", region_name="us-east-1")
for bucket in buckets:
    client.create_bucket(Bucket=bucket)
signal.sigwait(STOP)
server.stop()
