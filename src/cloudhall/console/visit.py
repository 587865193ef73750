"""One request, as the views see it: who asks, in which language and looks, from which place, with which form.

A view is a plain function from a visit to a response; it runs on a worker thread and reads SQLite there. It raises
what the kernel raises; the error becomes a page elsewhere.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloudhall.api.filters import Filters
from cloudhall.console import looks, navigation, session
from cloudhall.console.equivalents import Call, Equivalents, Target
from cloudhall.console.names import Names
from cloudhall.console.places import Place, place_of
from cloudhall.console.render import Renderer
from cloudhall.domains.identity import sessions
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Unauthenticated
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.places import PLATFORM
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import Language, T

if TYPE_CHECKING:
    from cloudhall.console.uploads import Upload

AGENT_LENGTH_MAX = 200
VISITOR_BYTES = 16
PLACE_COOKIE = "place"
COOKIE_S = 365 * 86_400
NOBODY = Caller(id="nobody")


class Console(NamedTuple):
    """What every visit works with; made once."""

    kernel: Kernel
    render: Renderer
    filters: Mapping[AnyKind, Filters]
    equivalents: Equivalents
    pages: Mapping[tuple[str, str], Any]


class Visit:
    """Made for each request. `form` holds what was posted."""

    def __init__(self, console: Console, request: Request, form: list[tuple[str, str]]) -> None:
        """Read language and looks; nobody is known yet."""
        self.console, self.request = console, request
        self.kernel: Kernel = console.kernel
        self.id = getattr(request.state, "request_id", "") or new_id("rq", self.kernel.world)
        self.now_us = self.kernel.world.now_us()
        self.form = form
        self.upload: Upload | None = None
        self.query: Mapping[str, str] = request.query_params
        self.language: Language = looks.language_of(
            self.query.get("lang"), request.cookies, request.headers.get("accept-language", "")
        )
        self.looks = looks.looks_of(request.cookies)
        self.caller = NOBODY
        self.cookies: dict[str, str] = {}
        if self.query.get("lang") == self.language:
            self.cookies[looks.LANGUAGE_COOKIE] = self.language

    def enter(self, *, enrolling: bool) -> None:
        """Find out who asks; raises `Unauthenticated`, or `Forbidden` as `sessions.authenticate` does."""
        credential = self.request.cookies.get(session.SESSION_COOKIE, "")
        if not credential:
            raise Unauthenticated(T("还没有登录", "Nobody is logged in"), reason="NO_CREDENTIAL")
        found = sessions.authenticate(
            self.kernel,
            credential,
            request=self.id,
            address=self.address,
            agent=self.agent,
            enrolling=enrolling,
        )
        self.caller = msgspec.structs.replace(found, language=self.language)

    @property
    def tx(self) -> Tx:
        """Connection of the thread in use, which only reads."""
        return self.kernel.store.read()

    def greet(self) -> None:
        """Give whoever has no session a cookie of chance, to which the forms of this page are tied."""
        if not self.token:
            self.cookies[session.VISITOR_COOKIE] = self.kernel.world.random_bytes(VISITOR_BYTES).hex()

    @property
    def known(self) -> bool:
        """Whether somebody is logged in."""
        return self.caller is not NOBODY

    @property
    def address(self) -> str:
        """Network address of the browser."""
        return self.request.client.host if self.request.client else ""

    @property
    def agent(self) -> str:
        """What the browser says it is."""
        return self.request.headers.get("user-agent", "")[:AGENT_LENGTH_MAX]

    @property
    def path(self) -> str:
        """Address of this page with its query, as a return path; without `lang`, which is kept in its cookie."""
        query = "&".join(
            part for part in str(self.request.url.query).split("&") if part and not part.startswith("lang=")
        )
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    @property
    def origin(self) -> str:
        """Address of this server as the browser knows it."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def token(self) -> str:
        """Token for the forms of this page."""
        return session.form_token({**self.request.cookies, **self.cookies})

    @functools.cached_property
    def names(self) -> Names:
        """Names behind ids, as far as the caller may see them."""
        return Names(self.kernel, self.caller, self.language)

    @functools.cached_property
    def place(self) -> Place:
        """Where the visitor works now: `?in=`, else the cookie, else the only project, else everywhere."""
        asked = self.query.get("in")
        if asked is not None:
            self.cookies[PLACE_COOKIE] = asked
        return place_of(self, self.request.cookies.get(PLACE_COOKIE, "") if asked is None else asked)

    def elsewhere(self, place: str) -> str:
        """Address of this list, or of the home page, in another place."""
        first = self.request.url.path.strip("/").partition("/")[0].partition(":")[0]
        return f"/{first if first in self.kernel.registry.by_plural else ''}?{urlencode({'in': place})}"

    def target(self, r: Kind[Any, Any]) -> Target:
        """Return a resource as other hands would name it."""
        return Target(r.id, r.name, self.place_name(r.place))

    def place_name(self, id_: str) -> str:
        """Name of a place for a command, where the visitor may see it; else its id; nothing for the platform."""
        if id_ == PLATFORM:
            return ""
        kind = self.kernel.registry.by_prefix.get(id_[:2])
        row = self.kernel.tables[kind].get(self.tx, id_) if kind else None
        return row.name if row and self.names.of(id_).href else id_

    def posted(self, name: str) -> str:
        """Last text posted under a name; empty where there is none."""
        return next((v for k, v in reversed(self.form) if k == name), "")

    def page(self, template: str, *, status: int = 200, call: Call | None = None, **context: Any) -> Response:
        """Render a page within the shell; `call` is the same request for the interface and the command line."""
        shell = navigation.shell_of(self, call)
        html = self.console.render(template, self.language, {"shell": shell, "visit": self, "call": call, **context})
        return HTMLResponse(html, status)

    def html(self, template: str, **context: Any) -> Markup:
        """Render a piece of a page."""
        return Markup(self.console.render(template, self.language, {"visit": self, **context}))  # noqa: S704  the template has escaped what it shows

    def go(self, path: str) -> Response:
        """Send the browser on after a post."""
        return RedirectResponse(path, 303)
