"""Single S3 requests, signed as any key: probes of what a key may do, and the one call that boto3 does not know."""

import contextlib
import http.client
import re
from typing import NamedTuple

from cloudhall.drivers.objects import REGION, Key
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.drivers.objects.weed_counters import Ledger

TIMEOUT_S = 5
NOWHERE = "/cloudhall-marker/none"
"""A bucket that nobody may use: a known key is told AccessDenied, an unknown one InvalidAccessKeyId. Nothing is counted
for anybody there, so a question there waits for no call under way: no revocation waits for a bucket being emptied."""


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
