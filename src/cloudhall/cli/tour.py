"""`cloudhall tour`: the whole first path by itself, against a running city, saying what it saw at each step.

Everything goes through the public doors: HTTP API, S3, and the stand-alone verifier. It leaves nothing behind but the
log of what it did.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from cloudhall.cli.output import why_not
from cloudhall.cli.parts import Command, Option
from cloudhall.cli.values import MICRO, decimal
from cloudhall.sdk import config
from cloudhall.sdk.client import API, Client
from cloudhall.sdk.language import T, language, say

DEVELOPER, AUDITOR, PASSWORD = "chen-xiaolan", "he-chuan", "yunting-demo"
PROJECT = "economic-monitoring"
OBJECTS = 5
OBJECT_BYTES = 200_000
WITHIN_S = 60.0
YUAN_NANO = 1_000_000_000
ADDRESS = T("服务器地址，默认当前的", "Address of the server; by default the one in use")


def walk(url: str | None, password: str) -> None:
    """Rent a bucket, use it, read its bill, prove its history. Needs the demonstration city."""
    address = url or config.url_in_use()
    developer = _logged_in(address, DEVELOPER, password)
    name = f"tour-{int(time.time())}"
    with _bucket(developer, name) as bucket:
        key = _key(developer, bucket)
        files = _copy_in_and_out(bucket, key)
        _await_usage(developer, bucket, files)
        _statement(developer, bucket)
        _revoke(developer, bucket, key)
        _prove(_logged_in(address, AUDITOR, password), bucket)
    _tell(T("完成", "Done"), T("导览结束，已清理", "the tour is over and cleaned up"))


def _logged_in(url: str, login: str, password: str) -> Client:
    session = Client(url, language=language()).send("POST", f"{API}/login", body={"login": login, "password": password})
    client = Client(url, session.body["token"], language())
    who = client.send("GET", f"{API}/whoami").body
    roles = ", ".join(r["title"][language()] for r in who["roles"])
    _tell(T("登录", "Log in"), T(f"{who['name']}（{roles}）", f"{who['name']} ({roles})"))
    return client


class _bucket:  # noqa: N801  reads as what it is: `with _bucket(…) as bucket`
    """A bucket for the length of the tour: previewed, created, and in the end deleted and destroyed."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name

    def __enter__(self) -> dict[str, Any]:
        body = {"name": self.name, "project": PROJECT, "spec": {"quota_gib": 1, "grade": "open"}}
        plan = self.client.send("POST", f"{API}/buckets", {"validate_only": "true"}, body).body
        room, price = plan["quota"][0], plan["price"]
        fen, left = price["month_fen"], room["room"] - room["used"]
        foreseen = plan["preview"][0]
        _tell(
            T("预览", "Preview"),
            T(
                f"{self.name}：预留费 {fen / 100:.2f} 元/月，配额剩 {left} GiB；{foreseen['zh']}",
                f"{self.name}: {fen / 100:.2f} yuan a month reserved, {left} GiB of quota left; {foreseen['en']}",
            ),
        )
        bucket: dict[str, Any] = self.client.send("POST", f"{API}/buckets", {"wait": "30s"}, body).body
        _tell(T("租用", "Rent"), T(f"{bucket['id']} {bucket['state']}", f"{bucket['id']} {bucket['state']}"))
        return bucket

    def __exit__(self, *_: object) -> None:
        address = f"{API}/buckets/{self.name}"
        self.client.send("DELETE", address)

        def withdrawn() -> bool:
            items = self.client.send("GET", f"{API}/bin").body["items"]
            return any(item["name"] == self.name and item["withdrawn"] for item in items)

        _until(withdrawn)
        plan = self.client.send("POST", f"{address}:purge", {"validate_only": "true"}, {}).body
        self.client.send("POST", f"{address}:purge", body={})
        holds = [(c["title"], c["amount"]) for c in plan["destroys"] if c["amount"]]
        told = T(*("；".join(f"{title[lang]} {n:,}" for title, n in holds) for lang in ("zh", "en")))
        _tell(T("放入回收站，再销毁", "Into the recycle bin, and destroyed"), told)


def _key(client: Client, bucket: dict[str, Any]) -> dict[str, Any]:
    body = {"project": PROJECT, "spec": {"bucket": bucket["id"]}}
    key: dict[str, Any] = client.send("POST", f"{API}/access-keys", {"wait": "30s"}, body).body
    if key["state"] != "ready":
        sys.exit("\n".join(why_not(c) for c in key["conditions"] if not c["status"]))
    _tell(T("访问密钥", "Access key"), T(f"{key['id']}，密钥只显示一次", f"{key['id']}, its secret shown once"))
    return key


def _copy_in_and_out(bucket: dict[str, Any], key: dict[str, Any]) -> dict[str, bytes]:
    s3 = _s3(bucket, key)
    files = {f"tour/{n}.bin": os.urandom(OBJECT_BYTES) for n in range(OBJECTS)}
    for name, content in files.items():
        s3.put_object(Bucket=bucket["name"], Key=name, Body=content)
    back = {name: s3.get_object(Bucket=bucket["name"], Key=name)["Body"].read() for name in files}
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()[:16]
    if back != files:
        sys.exit(say(T("读回的内容不一样", "what came back is not what went in")))
    _tell(
        T("S3", "S3"),
        T(f"{OBJECTS} 个对象写入并读回，SHA-256 {digest}…", f"{OBJECTS} objects in and out, SHA-256 {digest}…"),
    )
    return files


def _await_usage(client: Client, bucket: dict[str, Any], files: dict[str, bytes]) -> None:
    began, want = time.monotonic(), sum(map(len, files.values()))
    address = f"{API}/buckets/{bucket['id']}"
    seen = _until(lambda: client.send("GET", address).body["status"]["stored_bytes"] == want)
    status = client.send("GET", address).body["status"]
    if not seen:
        sys.exit(say(T(f"用量没有在 {WITHIN_S:.0f} 秒内出现", f"usage did not show within {WITHIN_S:.0f} s")))
    took = time.monotonic() - began
    _tell(
        T("用量", "Usage"),
        T(
            f"{status['objects']} 个对象，{status['stored_bytes']:,} 字节，{took:.1f} 秒后可见",
            f"{status['objects']} objects, {status['stored_bytes']:,} bytes, seen after {took:.1f} s",
        ),
    )


def _statement(client: Client, bucket: dict[str, Any]) -> None:
    def lines() -> list[dict[str, Any]]:
        found = client.send("GET", f"{API}/statements", {"project": PROJECT, "sort": "-created_at"}).body["items"]
        all_lines = found[0]["status"]["lines"] if found else []
        ours = [line for line in all_lines if any(row["resource"] == bucket["id"] for row in line["rows"])]
        return ours if any(line["meter"] == "storage.requests_a" for line in ours) else []

    found = _until(lines)
    for line in found or []:
        used = sum(row["quantity_micro"] for row in line["rows"] if row["resource"] == bucket["id"])
        nano = max(piece["unit_nano"] for piece in line["pieces"])
        price, unit = decimal(nano, YUAN_NANO), line["unit"]
        priced = (
            T(f" × {price} 元/{unit['zh']}", f" × CNY {price} per {unit['en']}") if nano else T("（免费）", " included")
        )
        quantity = {lang: f"{decimal(used * line['lot'], MICRO)} {unit}" for lang, unit in line["counted"].items()}
        _tell(
            T("账单", "Statement"),
            T(
                f"{line['title']['zh']}：{quantity['zh']}{priced.zh}",
                f"{line['title']['en']}: {quantity['en']}{priced.en}",
            ),
        )


def _revoke(client: Client, bucket: dict[str, Any], key: dict[str, Any]) -> None:
    from botocore.exceptions import ClientError

    s3 = _s3(bucket, key)
    client.send("DELETE", f"{API}/access-keys/{key['id']}")
    began = time.monotonic()

    def refused() -> bool:
        try:
            s3.head_bucket(Bucket=bucket["name"])
        except ClientError:
            return True
        return False

    _until(refused, pause_s=0.02)
    took_ms = (time.monotonic() - began) * 1000
    _tell(T("吊销", "Revoke"), T(f"{took_ms:.0f} 毫秒后被拒绝", f"refused after {took_ms:.0f} ms"))


def _prove(client: Client, bucket: dict[str, Any]) -> None:
    from cloudhall import verify

    key = client.send("GET", f"{API}/audit/verifier-key").body.strip()
    proof = client.send("GET", f"{API}/audit/proof", {"resource": bucket["id"]}).body
    findings = verify.check(json.dumps(proof).encode(), [key])
    bad = [f for f in findings if not f.ok]
    _tell(
        T("审计", "Audit"),
        T(
            f"{len(findings)} 项离线验证，{len(bad)} 项不符",
            f"{len(findings)} findings checked offline, {len(bad)} bad",
        ),
    )
    if bad:
        sys.exit(1)


def _s3(bucket: dict[str, Any], key: dict[str, Any]) -> Any:
    from cloudhall.drivers.objects import Key
    from cloudhall.drivers.objects.buckets import client

    return client(bucket["status"]["endpoint"], Key(key["id"], key["secret"]), bucket["status"]["region"])


def _until(ask: Callable[[], Any], pause_s: float = 0.5) -> Any:
    """Ask until the answer is true, a minute at most; answers the last one."""
    for answer in _answers(ask, pause_s):
        if answer:
            return answer
    return None


def _answers(ask: Callable[[], Any], pause_s: float) -> Iterator[Any]:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        yield ask()
        time.sleep(pause_s)


def _tell(title: T, text: T) -> None:
    click.echo(f"{say(title):<12} {say(text)}")


tour = Command(
    "tour",
    walk,
    T(
        "自动走一遍演示城市：租存储桶、读写、看账单、吊销密钥、验证审计；约一分钟，走完即清理。"
        "须有以 cloudhall run --demo 启动的服务器。",
        "Walk the demonstration city by itself: rent a bucket, use it, read the bill, withdraw the key, prove the "
        "history. Takes about a minute and cleans up. Needs a server started by cloudhall run --demo.",
    ),
    examples=["tour", "tour --url http://127.0.0.1:8800"],
    params=[
        Option("--url", text=ADDRESS, metavar="URL"),
        Option("--password", default=PASSWORD, text=T("演示登录的密码", "Password of the demonstration log-ins")),
    ],
)
