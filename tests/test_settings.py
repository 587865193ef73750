"""What holds of each setting, and that no secret is shown."""

from pathlib import Path

from cloudhall import settings
from cloudhall.tls.door import Door


def _named(name: str, environment: dict[str, str], served: dict[str, str] | None = None) -> settings.Setting:
    return next(s for s in settings.in_force(served or {}, environment) if s.name == name)


def test_secrets_are_never_shown() -> None:
    environment = {
        "CLOUDHALL_S3_SECRET_KEY": "zq-hidden",
        "CLOUDHALL_DATABASE": "postgresql://cloud:zq-hidden@db.example:5432/hall?password=zq-hidden",
        "CLOUDHALL_SMTP": "smtps://user:zq-hidden@mail.example:465",
    }
    shown = settings.in_force({}, environment)
    assert "zq-hidden" not in repr(shown)
    by_name = {s.name: s for s in shown}
    assert by_name["CLOUDHALL_S3_SECRET_KEY"].kept
    assert by_name["CLOUDHALL_DATABASE"].value == "postgresql://db.example:5432/hall"
    assert by_name["CLOUDHALL_SMTP"].value == "smtps://mail.example:465"


def test_what_cannot_be_read_as_an_address_is_kept_whole() -> None:
    found = _named("CLOUDHALL_DATABASE", {"CLOUDHALL_DATABASE": "host=db password=zq-hidden"})
    assert (found.value, found.kept) == ("", True)


def test_each_says_where_it_comes_from() -> None:
    served = dict(settings.serving(Path("/srv/zq"), Door(host="0.0.0.0", own=True), 9_000))  # noqa: S104  a value to be shown
    environment = {"CLOUDHALL_PORT": "9000"}
    sources = {s.name: s.source for s in settings.in_force(served, environment)}
    assert sources["CLOUDHALL_PORT"] == "environment"
    assert sources["CLOUDHALL_HOST"] == sources["CLOUDHALL_HOME"] == "option"
    assert sources["CLOUDHALL_EVENTS_DAYS"] == sources["CLOUDHALL_TLS_CERT"] == "default"
    assert _named("CLOUDHALL_EVENTS_DAYS", {}).value == "90"
