"""Single requests: signed as any key, for what a key may do and what boto3 does not know; unsigned, for counters."""

import contextlib
import http.client
import re
from http import HTTPStatus
from typing import NamedTuple

from cloudhall.drivers.objects import REGION, Key
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_counters import Ledger

TIMEOUT_S = 5
NOWHERE = "/cloudhall-marker/none"
"""A bucket that nobody may use: a known key is told AccessDenied, an unknown one InvalidAccessKeyId. Nothing is counted
for anybody there, so a question there waits for no call under way: no revocation waits for a bucket being emptied."""


def get(port: int, path: str, timeout_s: float) -> str:
    """Body of an unsigned GET on loopback; `OSError` for anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
    except http.client.HTTPException as error:
        raise OSError(error) from error
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise OSError(f"{path}: HTTP {response.status}")
    return body


class Answer(NamedTuple):
    """HTTP status, and S3's error code when there is one."""

    status: int
    code: str


class Door(NamedTuple):
    """The engine's S3 port, and where what we ask there is noted."""

    port: int
    ledger: Ledger

    def ask(self, key: Key, method: str, path: str, body: bytes = b"") -> Answer:
        """Send one request; `Unavailable` when nobody answers. `path` is quoted already."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        address = f"127.0.0.1:{self.port}"
        request = AWSRequest(method, f"http://{address}{path}", data=body)
        S3SigV4Auth(Credentials(key.access, key.secret), "s3", REGION).add_auth(request)
        connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        try:
            with contextlib.nullcontext() if path == NOWHERE else self.ledger:
                connection.request(method, path, body, dict(request.headers))
                response = connection.getresponse()
                content = response.read().decode(errors="replace")
                self.ledger.note(method, path, response.status)
        except (OSError, http.client.HTTPException) as error:
            raise not_answering(error) from error
        finally:
            connection.close()
        code = re.search(r"<Code>(\w+)</Code>", content)
        return Answer(response.status, code[1] if code else "")
