"""The console put together: which address shows what, and what holds for every answer.

Every view runs on a worker thread. Every answer carries the content policy (nothing inline, nothing from elsewhere),
the request id, and the cookies that the visit has set; every post has a token that ties it to its session.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from cloudhall.api.filters import Filters
from cloudhall.console import (
    acting,
    audit,
    bulk,
    creating,
    design,
    destructions,
    details,
    documents,
    doors,
    editing,
    export,
    failures,
    figures,
    health,
    helping,
    home,
    inbox,
    joining,
    kept,
    lists,
    navigation,
    object_changes,
    object_uploads,
    objects,
    operations,
    passwords,
    providers,
    quotas,
    rules,
    searching,
    security,
    session,
    settings,
    tools,
    uploads,
    usage,
)
from cloudhall.console import bin as recycled
from cloudhall.console.assets import STATIC
from cloudhall.console.equivalents import Equivalents
from cloudhall.console.render import Renderer
from cloudhall.console.visit import COOKIE_S, Console, Visit
from cloudhall.kernel.errors import Invalid, NotFound, Unauthenticated
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.moment import one_moment
from cloudhall.kernel.text import T

View = Callable[..., Response]
Stream = Callable[..., Awaitable[Response]]
FORM_FIELDS_MAX = 2_000
FORM_BYTES_MAX = 1 << 20
Pairs = list[tuple[str, str]]
OBJECTS = "/buckets/{target}/objects"
YEAR = "public, max-age=31536000, immutable"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


UNREADABLE = Invalid(T("表单过大或无法读取", "The form is too large, or cannot be read"))


class Door(NamedTuple):
    """One address with its views; `public` asks for no session, `takes_file` reads a form with a file in it.

    Instead of views: `gives` answers as a stream, `takes` receives one and looks at the form's token itself.
    `enrolling` lets in whoever must set up a second factor first.
    """

    path: str
    get: View | None = None
    post: View | None = None
    gives: Stream | None = None
    takes: Stream | None = None
    public: bool = False
    enrolling: bool = False
    takes_file: bool = False


class Static(StaticFiles):
    """Files under addresses that change with their content, so that a browser asks for each only once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Let browsers keep what was asked for by its digest."""
        response = super().file_response(*args, **kwargs)
        scope: Scope = args[2] if len(args) > 2 else kwargs["scope"]
        response.headers["Cache-Control"] = YEAR if b"v=" in scope["query_string"] else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


OBJECT_DOORS = (
    Door(f"{OBJECTS}", objects.index),
    Door(f"{OBJECTS}/one", objects.one),
    Door(f"{OBJECTS}/content", gives=objects.content, takes=object_uploads.whole),
    Door(f"{OBJECTS}/shown", gives=objects.shown),
    Door(f"{OBJECTS}/uploads", takes=object_uploads.begin),
    Door(f"{OBJECTS}/parts", takes=object_uploads.part),
    Door(f"{OBJECTS}/completed", takes=object_uploads.complete),
    Door(f"{OBJECTS}:upload", takes=object_uploads.form),
    Door(f"{OBJECTS}:give_up", post=object_changes.give_up),
    Door(f"{OBJECTS}:folder", post=object_changes.make_folder),
    Door(f"{OBJECTS}:rename", post=object_changes.rename),
    Door(f"{OBJECTS}:restore", post=object_changes.restore),
    Door(f"{OBJECTS}:delete", object_changes.deletion_form, object_changes.delete),
)


def console_routes(kernel: Kernel) -> list[BaseRoute]:
    """Routes of the console, to be put after those of the interface: the last ones take every other address."""
    console = _console(kernel)
    doors_ = (
        Door("/", home.home),
        Door("/login", doors.login_page, doors.login, public=True),
        Door("/login/second", post=doors.second, public=True),
        Door("/login/second/passkey", post=doors.second_passkey, public=True),
        Door("/login/passkey", post=doors.passkey, public=True),
        Door("/logout", post=doors.logout, enrolling=True),
        Door("/security", security.index, security.change, enrolling=True),
        Door("/security/others", security.others, security.change_others),
        Door("/password", passwords.change_form, passwords.change),
        Door("/password/choose", post=doors.choose, public=True),
        Door("/password/reset", passwords.reset_form, passwords.reset),
        Door("/login/with/{provider}", providers.begin, public=True),
        Door("/login/from/{provider}", providers.finish, public=True),
        Door("/link/{provider}", providers.link_form, providers.link),
        Door("/client-secret", providers.secret_form, providers.entrust),
        Door("/join", joining.page, joining.join, public=True),
        Door("/join/accept", post=joining.accept),
        Door("/sign-up", joining.sign_up_form, joining.sign_up, public=True),
        Door("/looks", post=doors.change_looks, public=True),
        Door("/design", design.sheet, public=True),
        Door("/search", searching.search),
        Door("/help", helping.page, public=True),
        Door("/inbox", inbox.index, inbox.change),
        Door("/bin", recycled.index),
        Door("/{plural}/{target}:restore", post=_of_the_bin(recycled.restore)),
        Door("/{plural}/{target}:purge", _of_the_bin(recycled.purge_form), _of_the_bin(recycled.purge)),
        Door("/usage", usage.index),
        Door("/quotas", quotas.index),
        Door("/health", health.index),
        Door("/settings", settings.index),
        Door("/rules", rules.index),
        Door("/rules/{table}", rules.history),
        Door("/audit", audit.search),
        Door(f"/audit/{audit.VERIFIER}", audit.verifier_file),
        Door("/audit/{idx:int}", audit.entry),
        Door("/audit/{idx:int}/proof.json", audit.proof_file),
        *(Door(f"/{tool.path}", partial(tools.show, tool=tool)) for tool in kernel.registry.tools),
        *OBJECT_DOORS,
        Door("/{plural}:create", _of_kind(creating.form), _of_kind(creating.submit)),
        Door("/{plural}:preview", post=_of_kind(creating.preview)),
        *(Door(f"/{{plural}}:{verb}", _of_many(bulk.form, verb), _of_many(bulk.submit, verb)) for verb in bulk.VERBS),
        Door("/{plural}:filters", post=_of_kind(kept.keep)),
        Door("/{plural}:columns", post=_of_kind(kept.choose)),
        Door("/{plural}.csv", _of_kind(export.as_csv)),
        Door("/{plural}.xlsx", _of_kind(export.as_xlsx)),
        Door("/{plural}/{target}:update", _of_kind(editing.form), _of_kind(editing.submit)),
        Door("/{plural}/{target}:delete", _of_kind(acting.deletion_form), _of_kind(acting.delete)),
        Door(f"/{{plural}}/{{target}}:{documents.ATTACH}", post=_of_kind(documents.attach), takes_file=True),
        Door("/attachments/{id}:detach", post=documents.detach),
        Door("/attachments/{id}", documents.download),
        Door("/{plural}/{target}:csv", _of_kind(figures.as_csv)),
        Door("/{plural}/{target}:{verb}", _of_kind(acting.action_form), _of_kind(acting.act)),
        Door("/{plural}", _of_kind(lists.index)),
        Door("/{plural}/{target}", _of_kind(details.detail)),
        Door("/{path:path}", failures.no_page),
    )
    return [Mount("/static", Static(directory=STATIC)), *(_route(console, door) for door in doors_)]


def _console(kernel: Kernel) -> Console:
    """Prepare what follows from the registry."""
    navigation.check_groups(kernel.registry)
    of_domains = (page for d in kernel.registry.domains.values() for page in d.pages)
    declared = [*operations.PAGES, *destructions.PAGES, *of_domains]
    pages = {(page.kind, str(page.view)): page for page in declared}
    return Console(
        kernel,
        Renderer(kernel),
        {kind: Filters(kind) for kind in kernel.registry},
        Equivalents(kernel.registry),
        pages,
    )


def _of_kind(view: View) -> View:
    """Give a view the kind that the address names."""

    def run(visit: Visit, plural: str, **rest: Any) -> Response:
        kind = visit.kernel.registry.by_plural.get(plural)
        if kind is None:
            raise NotFound(T(f"没有这个页面：/{plural}", f"There is no page /{plural}"))
        return view(visit, kind, **rest)

    return run


def _of_the_bin(view: View) -> View:
    """Give a view the kind that the address names, where the recycle bin keeps it."""

    def run(visit: Visit, kind: AnyKind, target: str) -> Response:
        if not kind.meta.recoverable_days:
            raise NotFound(T("这类资源不进回收站", "The recycle bin keeps none of this kind"))
        return view(visit, kind, target)

    return _of_kind(run)


def _of_many(view: View, verb: str) -> View:
    """Give a view the kind that the address names and what is done to many of it, where the kind allows it."""

    def run(visit: Visit, kind: AnyKind) -> Response:
        if bulk.VERBS[verb] not in kind.meta.verbs:
            raise NotFound(
                T(f"没有这个页面：/{kind.meta.plural}:{verb}", f"There is no page /{kind.meta.plural}:{verb}")
            )
        return view(visit, kind, verb)

    return _of_kind(run)


def _route(console: Console, door: Door) -> Route:
    methods = [name for name, view in (("GET", door.get or door.gives), ("POST", door.post or door.takes)) if view]

    async def run(request: Request) -> Response:
        if stream := door.takes if request.method == "POST" else door.gives:
            return await _stream(console, door, request, stream)
        if door.takes_file:
            return await _answer_with_file(console, door, request)
        form = await _form(request) if request.method == "POST" else []
        return await run_in_threadpool(_answer, console, door, request, form)

    return Route(door.path, run, methods=methods)


async def _form(request: Request) -> Pairs | None:
    """Texts of a posted form; None for one that is too large or no form of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return None
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        return None
    # Browsers send the lines of a text area apart by CR LF (WHATWG HTML 4.10.21.4).
    return [(name, text.replace("\r\n", "\n")) for name, text in pairs]


async def _answer_with_file(console: Console, door: Door, request: Request) -> Response:
    """Receive a file, from nobody but who has a session, and let it go where the view has not kept it."""
    visit = Visit(console, request, [])
    try:
        await run_in_threadpool(_enter, door, visit)
        form, upload = await uploads.read(request, console.kernel)
    except Exception as error:  # noqa: BLE001  every failure is a page
        return _sealed(visit, await run_in_threadpool(failures.answer, visit, error))
    try:
        return await run_in_threadpool(_answer, console, door, request, form, upload)
    finally:
        if upload is not None:
            upload.received.discard()


async def _stream(console: Console, door: Door, request: Request, stream: Stream) -> Response:
    """Give or take a stream, from nobody but who has a session."""
    visit = Visit(console, request, [])
    try:
        await run_in_threadpool(_enter, door, visit)
        response = await stream(visit, **request.path_params)
    except Exception as error:  # noqa: BLE001  every failure is a page
        response = await run_in_threadpool(failures.answer, visit, error)
    return _sealed(visit, response)


def _answer(
    console: Console, door: Door, request: Request, form: Pairs | None, upload: uploads.Upload | None = None
) -> Response:
    visit = Visit(console, request, form or [])
    visit.upload = upload
    try:
        response = _view(door, visit) if form is not None else failures.answer(visit, UNREADABLE)
    except Exception as error:  # noqa: BLE001  every failure is a page
        response = failures.answer(visit, error)
    return _sealed(visit, response)


def _view(door: Door, visit: Visit) -> Response:
    if not door.public or visit.request.cookies.get(session.SESSION_COOKIE):
        _enter(door, visit)
    if visit.request.method == "POST":
        session.require_token(visit.request.cookies, visit.posted(session.TOKEN_FIELD))
        assert door.post is not None
        return door.post(visit, **visit.request.path_params)
    assert door.get is not None
    with one_moment():
        return door.get(visit, **visit.request.path_params)


def _enter(door: Door, visit: Visit) -> None:
    """Find out who asks; a session that has ended is no obstacle before a public door."""
    try:
        visit.enter(enrolling=door.enrolling or door.public)
    except Unauthenticated:
        if not door.public:
            raise


def _sealed(visit: Visit, response: Response) -> Response:
    """Put on what every answer carries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Content-Language"] = visit.language
    secure = visit.request.url.scheme == "https"
    for name, value in visit.cookies.items():
        lasting = None if name in {session.SESSION_COOKIE, session.VISITOR_COOKIE} else COOKIE_S
        if value:
            response.set_cookie(name, value, max_age=lasting, httponly=True, samesite="lax", secure=secure)
        else:
            response.delete_cookie(name, httponly=True, samesite="lax", secure=secure)
    return response
