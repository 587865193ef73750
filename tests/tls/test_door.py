"""What an operator asks for: what makes sense, what is refused, and what is told."""

import msgspec
import pytest

from cloudhall.kernel.errors import CloudhallError
from cloudhall.tls.door import Door, refuse

OWN = Door(host="0.0.0.0", own=True, names=("cloud.example.cn",))  # noqa: S104  nothing listens here


@pytest.mark.parametrize(
    "door",
    [
        Door(),
        Door(host="127.0.0.2"),
        Door(host="::1"),
        Door(own=True),
        OWN,
        Door(host="10.0.3.7", own=True),
        Door(host="10.0.3.7", certificate="c", key="k"),
        Door(proxies=("127.0.0.1",)),
        Door(host="::", proxies=("10.0.3.0/28", "fd00::1")),
    ],
)
def test_what_makes_sense_is_taken(door: Door) -> None:
    refuse(door)
    assert msgspec.json.decode(msgspec.json.encode(door), type=Door) == door  # as it is passed on to workers


@pytest.mark.parametrize(
    ("door", "reason"),
    [
        (Door(host="cloud.example.cn"), "HOST"),
        (Door(host="10.0.3.7"), "NO_TLS"),
        (Door(host="0.0.0.0"), "NO_TLS"),  # noqa: S104  refused
        (Door(host="::"), "NO_TLS"),
        (Door(certificate="c"), "TLS_OPTIONS"),
        (Door(key="k"), "TLS_OPTIONS"),
        (Door(own=True, certificate="c", key="k"), "TLS_OPTIONS"),
        (Door(host="::", own=True), "TLS_NAME"),
        (Door(own=True, names=("云厅.cn",)), "TLS_NAME"),
        (Door(own=True, names=("https://cloud.example.cn",)), "TLS_NAME"),
        (Door(host="10.0.3.7", proxies=("nginx",)), "PROXY"),
        (Door(proxies=("*",)), "PROXY"),
        (Door(proxies=("10.0.3.7/8",)), "PROXY"),
    ],
)
def test_what_makes_none_is_refused_in_both_languages(door: Door, reason: str) -> None:
    with pytest.raises(CloudhallError) as refused:
        refuse(door)
    error = refused.value
    assert error.reason == reason
    assert all((error.text.zh, error.text.en, error.how.zh, error.how.en))


@pytest.mark.parametrize(
    ("door", "opened"),
    [
        (Door(), False),
        (Door(host="127.0.0.2", own=True), False),
        (Door(proxies=("127.0.0.1",)), True),
        (Door(host="10.0.3.7", own=True), True),
        (OWN, True),
    ],
)
def test_who_lets_others_in(door: Door, opened: bool) -> None:
    assert door.opened == opened


def test_what_is_told_and_certified() -> None:
    assert Door().url(8800) == "http://127.0.0.1:8800"
    assert Door(host="::1", own=True).url(1) == "https://[::1]:1"
    assert Door(host="::", certificate="c", key="k").url(1) == "https://127.0.0.1:1"
    assert OWN.url(443) == "https://cloud.example.cn:443"
    assert OWN.certified == ("cloud.example.cn", "localhost", "127.0.0.1", "::1")
    assert Door(host="10.0.3.7", own=True).certified[0] == "10.0.3.7"
