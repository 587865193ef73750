"""The Python SDK: the client that the command line uses, typed, on the standard library alone.

    from cloudhall.sdk import Cloudhall, errors

    with Cloudhall(project="economic-monitoring") as cloud:
        for bucket in cloud.buckets.list(where={"grade": "open"}):
            print(bucket["name"], bucket["status"]["stored_bytes"])

`make docs` writes `cloud.py` and `kinds/` from the declarations; everything else is written by hand. Nothing here
imports the kernel, a domain, or a package beside the standard library's.
"""

from cloudhall.sdk import errors
from cloudhall.sdk.cloud import Cloudhall

__all__ = ["Cloudhall", "errors"]
