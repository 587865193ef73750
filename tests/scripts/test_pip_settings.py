"""pip's settings in, uv's variables out: a pure translation."""

from pathlib import Path

import pytest

import pip_settings

HOUSE = """
[global]
index-url = https://pypi.house.example/simple
extra-index-url = file:///srv/mirror/simple
    https://more.house.example/simple
find-links = /srv/wheels /srv/more
cert = /etc/house/ca.pem
timeout = 60

[install]
trusted-host = pypi.house.example more.house.example

[list]
index-url = https://not.for.install.example/simple
"""


def translate(*texts: str, **environ: str) -> dict[str, str]:
    return pip_settings.uv_environment(pip_settings.pip_settings(environ, texts), environ)


def test_a_house_with_its_own_index() -> None:
    assert translate(HOUSE) == {
        "UV_DEFAULT_INDEX": "https://pypi.house.example/simple",
        "UV_INDEX": "file:///srv/mirror/simple https://more.house.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/srv/wheels,/srv/more",
        "UV_INSECURE_HOST": "pypi.house.example more.house.example",
        "UV_HTTP_TIMEOUT": "60",
        "SSL_CERT_FILE": "/etc/house/ca.pem",
    }


def test_nothing_told_nothing_said() -> None:
    assert translate("", PIP_DISABLE_PIP_VERSION_CHECK="1") == {}


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PIP_INDEX_URL", "https://a.example/", {"UV_DEFAULT_INDEX": "https://a.example/"}),
        (
            "PIP_EXTRA_INDEX_URL",
            "https://a.example/ https://b.example/",
            {"UV_INDEX": "https://a.example/ https://b.example/", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ("PIP_FIND_LINKS", "/a /b", {"UV_FIND_LINKS": "/a,/b"}),
        ("PIP_CERT", "/a/ca.pem", {"SSL_CERT_FILE": "/a/ca.pem"}),
        ("PIP_CERT", "/", {"SSL_CERT_DIR": "/"}),
        ("PIP_TRUSTED_HOST", "a.example b.example:8443", {"UV_INSECURE_HOST": "a.example b.example:8443"}),
        ("PIP_NO_INDEX", "1", {"UV_NO_INDEX": "true"}),
        ("PIP_NO_INDEX", "0", {}),
        ("PIP_PROXY", "http://a.example:3128", {"ALL_PROXY": "http://a.example:3128"}),
        ("PIP_TIMEOUT", "15.5", {"UV_HTTP_TIMEOUT": "15"}),
        ("PIP_DEFAULT_TIMEOUT", "180", {"UV_HTTP_TIMEOUT": "180"}),
        ("PIP_INDEX_URL", "", {}),
    ],
)
def test_each_variable(variable: str, value: str, expected: dict[str, str]) -> None:
    assert translate(**{variable: value}) == expected


def test_the_environment_goes_before_install_before_global() -> None:
    both = "[global]\nindex-url = https://global.example\n[install]\nindex_url = https://install.example\n"
    assert translate(both)["UV_DEFAULT_INDEX"] == "https://install.example"
    assert translate(both, PIP_INDEX_URL="https://env.example")["UV_DEFAULT_INDEX"] == "https://env.example"


def test_a_later_file_goes_before_an_earlier_one() -> None:
    files = ["[global]\nindex-url = https://site.example\n", "[global]\nindex-url = https://mine.example\n"]
    assert translate(*files)["UV_DEFAULT_INDEX"] == "https://mine.example"


def test_what_uv_was_told_itself_stays() -> None:
    said = translate(HOUSE, UV_DEFAULT_INDEX="https://uv.example", SSL_CERT_FILE="/uv.pem")
    assert "UV_DEFAULT_INDEX" not in said
    assert "SSL_CERT_FILE" not in said
    assert said["UV_HTTP_TIMEOUT"] == "60"


def test_files_of_the_machine_the_person_and_the_python_are_read(tmp_path: Path) -> None:
    named, mine, python = tmp_path / "named.conf", tmp_path / "home/.config/pip/pip.conf", tmp_path / "py/pip.conf"
    for file in (mine, python):
        file.parent.mkdir(parents=True)
    mine.write_text("[global]\nindex-url = https://mine.example\nfind-links = /mine\nno-index = no\n")
    python.write_text("[global]\nfind-links = /python\n")
    named.write_text("[global]\ntrusted-host = named.example\n")
    environ = {"HOME": str(tmp_path / "home"), "PIP_CONFIG_FILE": str(named), "XDG_CONFIG_DIRS": str(tmp_path)}
    said = pip_settings.for_uv(environ, prefix=str(tmp_path / "py"))
    assert said["UV_DEFAULT_INDEX"] == "https://mine.example"
    assert said["UV_FIND_LINKS"] == "/python"
    assert said["UV_INSECURE_HOST"] == "named.example"
    assert "UV_NO_INDEX" not in said


def test_files_can_be_switched_off() -> None:
    assert pip_settings.config_files({"PIP_CONFIG_FILE": "/dev/null", "HOME": "/root"}, "/usr") == []
