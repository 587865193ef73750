"""No secret lies in clear in anything that a server has written: rows, events, answers kept, the log of the process.

One file is exempt while the engine runs: it must know the keys of S3 clients to check their signatures.
"""

import contextlib
import datetime
from collections.abc import Callable
from pathlib import Path

from tests.e2e.api import Api
from tests.e2e.server import Server

PASSWORD = "yunting-demo"
EXEMPT = {"objects/s3.json"}
PROJECT = "economic-monitoring"


def made_by(api: Api) -> dict[str, str]:
    """Everything secret that an interface hands out, by what it is."""
    bucket = {"name": "at-rest", "project": PROJECT, "spec": {"quota_gib": 1, "grade": "open"}}
    api.make("buckets", bucket)
    key = api.make("access-keys", {"project": PROJECT, "spec": {"bucket": "at-rest"}})
    place = {"organisation": "economy-information"}
    soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)).isoformat()
    token = api.make("tokens", {**place, "spec": {"scopes": ["*"], "expires_at": soon}})
    hook = api.make("webhooks", {**place, "name": "at-rest", "spec": {"address": "https://hooks.example.cn/x"}})
    codes = api.post("factors/codes", {"proof": PASSWORD}).ok()
    made = {"access key": key, "token": token, "webhook": hook, "codes of an app": codes}
    return {"password": PASSWORD, **{what: answer["secret"] for what, answer in made.items()}}


def written_in(folder: Path, needle: str) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and needle.encode() in path.read_bytes()
    ]


def test_no_secret_is_written_in_clear(server: Callable[..., Server]) -> None:
    city = server("city")
    city.start()
    with contextlib.closing(Api.of(city.url, "chen-xiaolan", PASSWORD)) as api:
        secrets = made_by(api)
        answered = api.send("GET", "whoami").status
    assert answered == 200
    for running in (True, False):
        if not running:
            city.stop()
        for what, secret in secrets.items():
            found = [path for path in written_in(city.home, secret) if path not in EXEMPT]
            assert not found, f"{what} lies in clear in {found}"
    told = city.log.read_text("utf-8").replace(f"  {PASSWORD}  ", "")  # the demonstration's password is announced
    assert not [what for what, secret in secrets.items() if secret in told]
