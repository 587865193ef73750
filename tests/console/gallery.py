"""Every page template of the installation, rendered: what links lead to is found by following them, the rest is walked.

A hall with one of every kind stands behind it. What a visitor reaches by links alone needs no line here; a template
that only the answer to a form shows needs a scene. Names of people and things are invented words that begin with `zq`.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import jinja2
import pyotp

import cloudhall
from cloudhall.console.render import TEMPLATES
from cloudhall.domains.identity import passwords, resets
from cloudhall.domains.identity.identity_provider import IdentityProvider
from cloudhall.domains.identity.invitation import Invitation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.roles import DEVELOPER, ORG_ADMIN, ROLES, SECURITY_ADMIN, VIEWER
from cloudhall.kernel.text import Language
from cloudhall.kernel.world import SECOND_US
from tests.console.plain import Page, Plain
from tests.kit.demos import Demos
from tests.kit.faces import Faces
from tests.kit.hall import opened

PASSWORD = "zq-horse-battery"
WALKED = re.compile(r"/(?!static/|api/|docs/|logout|attachments/|login/with/)[^#]*")
NOT_PAGES = re.compile(r"\.(?:csv|json|py|xlsx|txt|zip)$")
UNLINKED = ("/zq-nowhere", "/buckets:create", "/search?q=zq")
UNFOLLOWED = {"in", "lang", "after", "before", "done"}
ENGINE = {"objects.html", "object.html", "objects_delete.html"}
"""Pages of what lies in a bucket: they ask the real engine, so tests/e2e shows them."""
ALL = sorted([*TEMPLATES.glob("*.html"), *(Path(cloudhall.__file__).parent / "domains").glob("*/templates/*.html")])


class Shot(NamedTuple):
    """One page as it was shown: who looked, where, and what it was made of."""

    who: str
    address: str
    status: int
    html: str
    headers: dict[str, str]
    templates: frozenset[Path]
    linked: bool

    @property
    def pattern(self) -> str:
        """Address without what is in it by chance."""
        return pattern(self.address)


def pattern(address: str) -> str:
    """`/buckets/bk-…:update?x=1` becomes `/buckets/{}:update?x`; of lists, one query stands for those of all kinds."""
    split = urlsplit(address)
    asked = "&".join(sorted({name for name, _ in parse_qsl(split.query, keep_blank_values=True)}))
    path = re.sub(r"(?<=/)(?:[a-z]{2}-[0-9a-z]{17}|\d+|[0-9a-z.-]*\d[0-9a-z.-]*)(?=:|/|$)", "{}", split.path)
    if asked and path.count("/") == 1 and ":" not in path and path != "/search":
        path = "/{list}"
    return f"{path}?{asked}" if asked else path


class Gallery:
    """The installation, its people, and the pages that they see."""

    def __init__(self, demos: Demos, faces: Faces) -> None:
        """Make one of everything."""
        self.demos, self.hall, self.faces = demos, demos.hall, faces
        self.people = {role: self._person(role) for role in reversed(ROLES)}
        self.made = {kind: demos.made(kind).id for kind in self.hall.kernel.registry}
        self.hall.settle()
        self.hall.kernel.seal()

    def _person(self, role: str) -> Caller:
        """Somebody with a role everywhere, whose name says nothing in any language."""
        person = self.hall.person(role)
        return Caller(id=person.id, name="zq", attrs={"organisation": self.demos.organisation})

    def visitor(self, role: str, language: Language) -> Plain:
        """A person of that role at home; without a role, somebody at the door."""
        if role:
            return Plain(self.faces.console(self.people[role], language))
        plain = Plain(self.faces.console(self.hall.nobody, language))
        plain.client.cookies.delete("cloudhall_session")
        return plain

    def shots(self, language: Language) -> Iterator[Shot]:
        """Every page, each kind of address once."""
        yield from self.crawled(language)
        yield from self._walked(language)

    def crawled(self, language: Language) -> Iterator[Shot]:
        """What links lead each person to, and the few addresses that no link shows."""
        seen: set[str] = set()
        for role, caller in self.people.items():
            visitor = self.visitor(role, language)
            todo = ["/", f"/people/{caller.id}", *UNLINKED]
            own = set(todo)
            while todo:
                address = todo.pop(0)
                if address not in own and pattern(address) in seen:
                    continue
                seen.add(pattern(address))
                with recorded() as templates:
                    visitor.open(address)
                if "text/html" in visitor.headers["content-type"]:
                    yield self._shot(role, visitor, templates, address, linked=address not in own)
                    todo += [x for x in links(visitor.html) if x not in own and pattern(x) not in seen]
                    own -= {address}

    def _walked(self, language: Language) -> Iterator[Shot]:
        for scene in (creating, clashing, deleting, inviting, forgetting, guarding, linking, asking):
            with recorded() as templates:
                for role, visitor in scene(self, language):
                    yield self._shot(role, visitor, templates, visitor.path, linked=False)
                    templates.clear()

    def _shot(self, role: str, visitor: Plain, templates: set[Path], address: str, *, linked: bool) -> Shot:
        return Shot(role, address, visitor.status, visitor.html, visitor.headers, frozenset(templates), linked)


Walk = Iterator[tuple[str, Plain]]


def creating(g: Gallery, language: Language) -> Walk:
    """A key: wrong, weighed, checked, made, shown once."""
    visitor, bucket = g.visitor(DEVELOPER, language), g.made[Bucket]
    for kind in ("buckets", "access-keys"):
        yield (
            DEVELOPER,
            visitor.open(f"/{kind}:create?spec.bucket={bucket}" if kind == "access-keys" else f"/{kind}:create"),
        )
    yield DEVELOPER, visitor.press(":create", "check")
    yield DEVELOPER, visitor.press(":create", "confirm")
    yield DEVELOPER, visitor.open("/buckets:create").press(":create", "check", name="Not a name")
    fields = {"name": "zq-weighed", "spec__quota_gib": "3", "spec__grade": "open"}
    yield DEVELOPER, visitor.open("/buckets:create").press(":create", "check", **fields)


def clashing(g: Gallery, language: Language) -> Walk:
    """Two edit the same bucket."""
    visitor, bucket = g.visitor(DEVELOPER, language), g.made[Bucket]
    visitor.open(f"/buckets/{bucket}:update")
    now = g.hall.row(Bucket, bucket).spec.quota_gib
    g.hall.do(g.people[DEVELOPER], Bucket, "update", target=bucket, spec={"quota_gib": now + 1})
    yield DEVELOPER, visitor.press(":update", spec__quota_gib=str(now + 7))


def deleting(g: Gallery, language: Language) -> Walk:
    """A bucket goes to the bin, and from there for ever."""
    name = f"zq-going-{language}"
    spec = {"quota_gib": 1, "grade": "open"}
    bucket = g.hall.do(g.people[DEVELOPER], Bucket, "create", place=g.demos.project, name=name, spec=spec)["id"]
    g.hall.settle()
    visitor = g.visitor(DEVELOPER, language)
    yield DEVELOPER, visitor.open(f"/buckets/{bucket}:delete")
    yield DEVELOPER, visitor.press(":delete", name="zq-wrong")
    yield DEVELOPER, visitor.press(":delete", name=name)
    g.hall.settle()
    for role in g.people:
        yield role, g.visitor(role, language).open("/bin")
        purger = g.visitor(role, language).open(f"/buckets/{bucket}:purge")
        yield role, purger


def inviting(g: Gallery, language: Language) -> Walk:
    """An invitation is made; somebody opens its link."""
    visitor = g.visitor(ORG_ADMIN, language).open("/invitations:create")
    yield ORG_ADMIN, visitor.press(":create", "check", organisation=g.demos.organisation, spec__role=VIEWER)
    yield ORG_ADMIN, visitor.press(":create", "confirm")
    code = g.hall.do(g.people[ORG_ADMIN], Invitation, "create", place=g.demos.organisation, spec={"role": VIEWER})[
        "secret"
    ]
    for who in ("", DEVELOPER):
        yield who, g.visitor(who, language).open(f"/join?code={code}")
    yield "", g.visitor("", language).open("/join?code=zq")


def forgetting(g: Gallery, language: Language) -> Walk:
    """A password is reset, and another one chosen."""
    visitor = g.visitor(SECURITY_ADMIN, language)
    person = g.hall.row(Person, g.people[VIEWER].id)
    yield SECURITY_ADMIN, visitor.open("/password/reset").press("/password/reset", person=person.name)
    code = re.search(rf"{resets.CODE_PREFIX}_\w+", visitor.html)
    assert code, visitor.html
    comer = g.visitor("", language).open("/login")
    yield "", comer.press("/login", login=person.name, password=code[0])
    yield "", comer.press("/password/choose", password="short", again="longer")


def guarding(g: Gallery, language: Language) -> Walk:
    """A second factor is set up, and asked for."""
    caller = g.people[DEVELOPER] if language == "zh" else g.people[ORG_ADMIN]
    hashed = passwords.hash_password(PASSWORD)
    g.hall.write(lambda tx: passwords.store(tx, caller.id, hashed, 1))
    visitor = Plain(g.faces.console(caller, language)).open("/security")
    yield "", visitor.press("/security", "set-up", proof=PASSWORD)
    secret = re.findall(r"[A-Z2-7]{32}", visitor.html)[0]
    code = pyotp.TOTP(secret).at(g.hall.world.now_us() // SECOND_US)
    yield "", visitor.press("/security", "confirm", code=code)
    yield "", visitor.open("/security")
    name = g.hall.row(Person, caller.id).name
    yield "", g.visitor("", language).open("/login").press("/login", login=name, password=PASSWORD)


def linking(g: Gallery, language: Language) -> Walk:
    """An identity provider is entrusted with a secret, an account linked with it."""
    provider = g.made[IdentityProvider]
    yield SECURITY_ADMIN, g.visitor(SECURITY_ADMIN, language).open(f"/client-secret?provider={provider}")
    yield DEVELOPER, g.visitor(DEVELOPER, language).open(f"/link/{provider}")


def asking(g: Gallery, language: Language) -> Walk:
    """Somebody asks to be let in, where that is offered."""
    organisation = g.hall.one("SELECT name FROM identity_organisation WHERE id = ?", g.demos.organisation)
    with mock.patch.dict("os.environ", CLOUDHALL_SIGN_UP=organisation):
        visitor = g.visitor("", language)
        yield "", visitor.open("/login")
        yield "", visitor.open("/sign-up")
        yield "", visitor.press("/sign-up", display_name="zq", reason="zq")


def links(html: str) -> list[str]:
    """Addresses of further pages."""
    found = [x.partition("#")[0] for x in Page(html).links if WALKED.match(x)]
    asked = {x: {name for name, _ in parse_qsl(urlsplit(x).query, keep_blank_values=True)} for x in found}
    return [x for x in dict.fromkeys(found) if not asked[x] & UNFOLLOWED and not NOT_PAGES.search(urlsplit(x).path)]


@contextlib.contextmanager
def recorded() -> Iterator[set[Path]]:
    """Files of the templates that are used within the block."""
    used, without = set[Path](), jinja2.Environment.get_template

    def get(self: jinja2.Environment, name: Any, *rest: Any, **more: Any) -> jinja2.Template:
        template = without(self, name, *rest, **more)
        used.add(Path(cast("str", template.filename)))
        return template

    with mock.patch.object(jinja2.Environment, "get_template", get):
        yield used


@contextlib.contextmanager
def hung() -> Iterator[Gallery]:
    """A gallery that is gone afterwards."""
    with opened() as hall:
        demos = Demos(hall, "-zq")
        faces = Faces(hall)
        yield Gallery(demos, faces)
        faces.close()


def data(g: Gallery) -> list[str]:
    """What people have written, not we: names, ids and free texts of all rows, examples too; the longest first."""
    found: set[str] = set()
    tx = g.hall.read()
    for kind in g.hall.kernel.registry:
        found |= {str(info.f.example) for info in fields_of(kind.meta.spec).values() if info.f.example}
        rows = tx.execute(f"SELECT id, name, labels, spec, status FROM {kind.meta.table}").fetchall()
        for id_, name, *documents in rows:
            found |= {id_, name, *leaves([json.loads(document) for document in documents])}
    return sorted((x for x in found if len(x) > 2 or not x.isascii()), key=len, reverse=True)


def leaves(value: Any) -> Iterator[str]:
    """Texts within a decoded document, names of its fields apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (x for item in value.values() for x in leaves(item))
    elif isinstance(value, list):
        yield from (x for item in value for x in leaves(item))
