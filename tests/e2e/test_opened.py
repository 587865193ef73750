"""An installation is opened to others: by TLS of its own or behind a proxy, and never when it should not be."""

import contextlib
import datetime
import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import boto3
import pytest

from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.world import World
from cloudhall.tls.authority import ROOT, Authority
from tests.e2e.api import Api
from tests.e2e.server import PROGRAM, Server, environment, refusal
from tests.kit.postgres import Server as Postgres
from tests.kit.tls_relay import TlsRelay

NAMES = "--organisation city --title-zh 某市 --system-admin zhou --security-admin liang --audit-admin he"
HOST = "127.0.0.2"  # stands for an address that is not this machine's own
Make = Callable[..., Server]


def typed(home: Path, *words: object, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *map(str, words)],
        env=environment(home, 1) | {"XDG_CONFIG_HOME": str(home.parent)} | environ,
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def found(home: Path, **environ: str) -> dict[str, str]:
    """One-time codes by log-in."""
    done = typed(home, "found", *NAMES.split(), **environ)
    assert done.returncode == 0, done.stderr
    return {row[0]: row[-1] for row in map(str.split, done.stdout.splitlines())}


def asked(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str] | None = None
) -> http.client.HTTPResponse:
    connection.request("GET", path, headers=dict(headers or {}))
    answer = connection.getresponse()
    answer.read()
    return answer


def test_by_tls_of_its_own_from_the_founding_to_the_first_log_in(server: Make, tmp_path: Path) -> None:
    own = server("own", demo=False, origin=f"https://{HOST}", environ={"CLOUDHALL_HOST": HOST, "CLOUDHALL_TLS": "1"})
    codes = found(own.home)
    own.start()
    told = typed(own.home, "certificate")
    root = tmp_path / "root.pem"
    root.write_text(told.stdout)
    digest = told.stderr.splitlines()[0].partition(": ")[2]
    assert digest in own.said()

    trusting = ssl.create_default_context(cafile=root)
    visitor = http.client.HTTPSConnection(HOST, own.port, context=trusting, timeout=10)
    page = asked(visitor, "/login")
    assert page.status == HTTPStatus.OK
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookies = page.headers.get_all("Set-Cookie")
    assert cookies
    assert all("; Secure" in cookie for cookie in cookies)
    visitor.close()
    clear = http.client.HTTPConnection(HOST, own.port, timeout=10)
    with pytest.raises((http.client.HTTPException, OSError)):
        asked(clear, "/healthz")

    chosen = typed(
        own.home,
        "password",
        "choose",
        "--stdin",
        given=f"{codes['zhou']}\nchosen by zhou\n",
        CLOUDHALL_URL=own.url,
        CLOUDHALL_CA=str(root),
    )
    assert chosen.returncode == 0, chosen.stderr
    log_in = ("login", "zhou", "--password-stdin", "--url", own.url)
    stranger = typed(own.home, *log_in, given="chosen by zhou\n")
    assert (stranger.returncode, "CERTIFICATE_VERIFY_FAILED" in stranger.stderr) == (1, True)
    in_clear = typed(own.home, *log_in[:-1], own.url.replace("https", "http"), given="chosen by zhou\n")
    assert (in_clear.returncode, "may speak TLS" in in_clear.stderr) == (1, True), in_clear.stderr
    wrong_name = typed(own.home, *log_in[:-1], f"https://localhost.:{own.port}", "--ca", root, given="chosen by zhou\n")
    assert wrong_name.returncode == 1, wrong_name.stderr
    done = typed(own.home, *log_in, "--ca", root, given="chosen by zhou\n")
    assert done.returncode == 0, done.stderr
    remembered = {"CLOUDHALL_PORT": ""}
    assert typed(own.home, "whoami", **remembered).returncode == 0
    assert digest in typed(own.home, "context", **remembered).stdout

    examined = typed(own.home, "doctor", "--host", HOST, "--port", own.port)
    assert examined.returncode == 0, examined.stdout
    assert "tls/server.pem holds until" in examined.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_comes_in_under_a_certified_name_alone(server: Make, tmp_path: Path) -> None:
    settings = {"CLOUDHALL_TLS": "1", "CLOUDHALL_TLS_NAMES": "cloud.example.cn www.cloud.example.cn"}
    own = server("own", demo=False, origin="https://cloud.example.cn", environ=settings)
    found(own.home)
    own.start()
    root = tmp_path / "root.pem"
    root.write_text(typed(own.home, "certificate").stdout)

    def curl(name: str) -> subprocess.CompletedProcess[str]:
        where = ("--resolve", f"{name}:{own.port}:127.0.0.1", f"https://{name}:{own.port}/healthz")
        return subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "--cacert", root, *where],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    for name in ("cloud.example.cn", "www.cloud.example.cn", "localhost"):
        assert '"status":"ok"' in curl(name).stdout
    assert curl("bank.example.cn").returncode == 60  # curl(1): the certificate is not for this host


def test_a_proxy_is_believed_and_nobody_else_is(server: Make) -> None:
    own = server("own", demo=False, environ={"CLOUDHALL_PROXIES": "127.0.0.3"})
    found(own.home)
    own.start()

    def said_secure(source: str) -> bool:
        """Whether the server takes the word of somebody at `source` that people come by https."""
        visitor = http.client.HTTPConnection("127.0.0.1", own.port, timeout=10, source_address=(source, 0))
        page = asked(visitor, "/login", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"})
        visitor.close()
        return all("; Secure" in cookie for cookie in page.headers.get_all("Set-Cookie") or [""])

    assert said_secure("127.0.0.3")
    assert not said_secure("127.0.0.1")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CLOUDHALL_HOST": "0.0.0.0"}, "INVALID NO_TLS: We do not listen at 0.0.0.0 in clear"),  # noqa: S104  refused
        ({"CLOUDHALL_TLS_CERT": "x"}, "INVALID TLS_OPTIONS: "),
        ({"CLOUDHALL_HOST": "203.0.113.7", "CLOUDHALL_TLS": "1"}, "UNAVAILABLE LISTEN: Cannot listen at 203.0.113.7"),
        ({"CLOUDHALL_PROXIES": "127.0.0.1"}, "CONFLICT UNFOUNDED: Nobody can log in here yet"),
        ({"CLOUDHALL_TLS_CERT": "none.pem", "CLOUDHALL_TLS_KEY": "none.key"}, "UNAVAILABLE TLS_CERTIFICATE: "),
    ],
)
def test_what_is_refused_is_refused_in_two_lines(tmp_path: Path, settings: Mapping[str, str], said: str) -> None:
    lines = refusal(tmp_path / "home", None, **settings)
    assert any(line.startswith(said) for line in lines)


def test_the_demonstration_is_never_opened(server: Make) -> None:
    city = server()
    city.start()
    city.stop()
    for settings in ({"CLOUDHALL_PROXIES": "127.0.0.1"}, {"CLOUDHALL_HOST": "0.0.0.0", "CLOUDHALL_TLS": "1"}):  # noqa: S104  refused
        more = {"CLOUDHALL_TLS_NAMES": "cloud.example.cn"}
        lines = refusal(city.home, None, **settings, **more)
        assert lines[0].startswith("CONFLICT DEMONSTRATION: Everybody knows")
        chinese = refusal(city.home, None, CLOUDHALL_LANG="zh", **settings, **more)
        assert chinese[0].startswith("CONFLICT DEMONSTRATION: 演示账号的密码人人皆知")


def test_every_worker_shows_the_same_certificate(server: Make, tmp_path: Path, postgres: Postgres) -> None:
    name = postgres.make()
    settings = {"CLOUDHALL_DATABASE": postgres.url(name), "CLOUDHALL_WORKERS": "2", "CLOUDHALL_TLS": "1"}
    own = server("own", demo=False, origin="https://127.0.0.1", environ=settings)
    found(own.home, CLOUDHALL_DATABASE=settings["CLOUDHALL_DATABASE"])
    own.start()
    context = ssl.create_default_context(cadata=typed(own.home, "certificate").stdout)
    for _ in range(30):
        visitor = http.client.HTTPSConnection("127.0.0.1", own.port, context=context, timeout=20)
        answer = asked(visitor, "/healthz")
        assert (answer.status, "Strict-Transport-Security" in answer.headers) == (HTTPStatus.OK, True)
        visitor.close()
    own.stop()
    postgres.drop(name)


def test_s3_clients_come_by_tls_through_a_proxy(server: Make, tmp_path: Path) -> None:
    """The engine stays on loopback; what clients are told is the proxy, and their signatures hold through it."""
    authority = Authority(tmp_path / "tls", Keyring.open(tmp_path / "keys", World()))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(authority.server(("localhost",), datetime.datetime.now(datetime.UTC)))
    with TlsRelay(shown) as relay:
        address = f"https://localhost:{relay.port}"
        city = server(environ={"CLOUDHALL_S3_ADDRESS": address})
        city.start()
        relay.to = json.loads((city.home / "objects/ports.json").read_bytes())["s3"]
        assert f"S3  {address}  → http://127.0.0.1:{relay.to}" in city.said()
        with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as developer:
            spec = {"name": "far", "project": "economic-monitoring", "spec": {"quota_gib": 1, "grade": "open"}}
            bucket = developer.make("buckets", spec)
            key = developer.make("access-keys", {"project": "economic-monitoring", "spec": {"bucket": bucket["id"]}})
        assert bucket["status"]["endpoint"] == address
        s3 = boto3.client(
            "s3",
            endpoint_url=address,
            verify=str(authority.folder / ROOT),
            aws_access_key_id=key["id"],
            aws_secret_access_key=key["secret"],
            region_name=bucket["status"]["region"],
        )
        s3.put_object(Bucket="far", Key="a", Body=b"x" * 300_000)
        assert s3.get_object(Bucket="far", Key="a")["Body"].read() == b"x" * 300_000
