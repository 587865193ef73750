"""The audit log for its readers: search, one entry, proofs to take away, and the tiles that witnesses fetch.

Who may read what: the whole log of a place is for whoever holds the operation `audit` there; anybody else sees the
entries about resources that they may read, and what they did themselves. Signed heads and hashes are public, as a
transparency log's must be; they tell nothing but that the log has not changed. Private facts (names, addresses) are
shown to auditors alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from cloudhall.api.answers import raw, reply
from cloudhall.api.auth import caller_of
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.filters import PAGE
from cloudhall.api.host import Host, heard
from cloudhall.api.params import Param, Query
from cloudhall.api.sight import find_place, may_audit, names_of, record_of
from cloudhall.api.tokens import seal, unseal
from cloudhall.kernel import cosignatures, tlog, witnesses
from cloudhall.kernel.audit import Found, Leaf
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Forbidden, NotFound
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.places import PLATFORM
from cloudhall.kernel.proofs import Proof
from cloudhall.kernel.redeciding import Redecided, redecide
from cloudhall.kernel.registry import OWN_ENTRIES
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339

PAGE_SIZE = 50
SCANNED_MAX = 5_000
HISTORY_MAX = 1_000
INDEX_MAX = 2**62
COVERED_WITHIN_S = 3.0
TEXT = "text/plain"


class Sight:
    """Which entries one caller may see; asks each place once."""

    def __init__(self, kernel: Kernel, caller: Caller) -> None:
        """Nothing asked yet."""
        self.kernel, self.caller = kernel, caller
        self._audits: dict[str, bool] = {}

    def audits(self, place: str) -> bool:
        """Whether the whole log of a place is theirs to read; an entry of no place belongs to the platform."""
        for where in (PLATFORM, place):
            if where and where not in self._audits:
                self._audits[where] = may_audit(self.kernel, self.caller, where)
        return self._audits[PLATFORM] or self._audits.get(place, False)

    def of(self, found: Sequence[Found]) -> list[Found]:
        """Keep the entries that the caller may see."""
        hidden = [f.leaf for f in found if not self._own(f.leaf)]
        seen = visible_ids(self.kernel, self.caller, ((leaf.kind, leaf.resource) for leaf in hidden))
        return [f for f in found if self._own(f.leaf) or f.leaf.resource in seen]

    def _own(self, leaf: Leaf) -> bool:
        mine = leaf.actor == self.caller.id and self.caller.within_scopes(OWN_ENTRIES)
        return mine or self.audits(leaf.project)


async def search(call: Call) -> Response:
    """Newest entries first. A page may hold fewer than asked; the end is where no token comes."""
    return reply(await call.host.read(_search, call.host.kernel, call.caller, call.query))


def _search(kernel: Kernel, caller: Caller, query: Query) -> dict[str, Any]:
    filters = {name: query[name] for name in ("actor", "resource", "action") if name in query}
    place = query.get("place", "")
    if place:
        place = place.lower() if is_id(place) else find_place(kernel, caller, place).id
    if "since" in query:
        filters["since_us"] = query["since"]
    question, size = ["audit", dict(filters), place], query.get("page_size", PAGE_SIZE)
    filters["places"] = record_of(kernel, place)
    (before,) = unseal(kernel.keys, query["page_token"], question) if "page_token" in query else (None,)
    kept, end = _scan(kernel, Sight(kernel, caller), filters, before, size)
    ids = {id_ for f in kept for id_ in (f.leaf.actor, f.leaf.resource, f.leaf.project)}
    page: dict[str, Any] = {"items": [_entry(f) for f in kept], "names": names_of(kernel, caller, ids)}
    return page if end is None else page | {"next_page_token": seal(kernel.keys, [end], question)}


def _scan(
    kernel: Kernel, sight: Sight, filters: dict[str, Any], before: int | None, size: int
) -> tuple[list[Found], int | None]:
    """Walk down the log until `size` entries are seen or enough was walked; answers where the next page begins."""
    kept: list[Found] = []
    scanned = 0
    while scanned < SCANNED_MAX:
        found = kernel.audit.search(kernel.store.read(), before_idx=before, limit=size, **filters)
        visible = sight.of(found)[: size - len(kept)]
        kept += visible
        scanned += len(found)
        if len(kept) == size:
            return kept, kept[-1].idx
        if len(found) < size:
            return kept, None
        before = found[-1].idx
    return kept, before


async def entry(call: Call) -> Response:
    """One entry with its proof, and its private facts for who may see them."""
    kernel = call.host.kernel
    found, auditor = _visible_entry(kernel, call.caller, int(call.path("index")))
    await _covered(call.host, found.idx)
    proof = kernel.audit.prove(kernel.store.read(), found.idx, private=auditor)
    body = _entry(found)
    if proof.entries[0].payload is not None:
        body["private"] = msgspec.Raw(proof.entries[0].payload)
    return reply(body | {"proof": msgspec.Raw(proof.to_json())})


async def decision(call: Call) -> Response:
    """Decide an entry's decision again, from the policies and facts that it names."""
    kernel = call.host.kernel
    found, auditor = _visible_entry(kernel, call.caller, int(call.path("index")))
    again = await call.host.read(redecide, kernel.store.read(), found.idx)
    return reply(_decided_again(again, whole=auditor or again.leaf.actor == call.caller.id))


def _decided_again(again: Redecided, *, whole: bool) -> dict[str, Any]:
    """On the wire; what was known of the caller is for auditors and the caller alone."""
    body: dict[str, Any] = {
        "index": again.idx,
        "operation": again.leaf.action,
        "actor": again.leaf.actor,
        "resource": again.leaf.resource,
        "recorded": {"allowed": again.allowed_then, "policies": again.leaf.policies, "reason": again.leaf.reason},
        "again": {
            "allowed": again.allowed,
            "policies": [{"id": p.id, "text": p.text.both()} for p in again.policies],
            "reason": again.reason,
        },
        "agrees": again.agrees,
        "text": again.text.both(),
        "policy_digest": again.leaf.policy_digest,
    }
    return body | ({"facts": again.facts} if whole else {})


async def proof_of_entry(call: Call) -> Response:
    """Proof of one entry, as the file that the verifier takes."""
    found, auditor = _visible_entry(call.host.kernel, call.caller, int(call.path("index")))
    return await _proof_file(call, [found], f"entry-{found.idx}", auditor=auditor)


async def proof_of_history(call: Call) -> Response:
    """Proof of the newest entries about one resource, as the file that the verifier takes."""
    kernel, resource = call.host.kernel, call.query["resource"].lower()
    found = await call.host.read(lambda: kernel.audit.search(kernel.store.read(), resource=resource, limit=HISTORY_MAX))
    sight = Sight(kernel, call.caller)
    visible = sight.of(found)
    if not visible:
        raise NotFound(
            T(f"没有关于 {resource} 的记录，或你无权查看", f"No entries about {resource}, or not yours to see")
        )
    auditor = all(sight.audits(f.leaf.project) for f in visible)
    return await _proof_file(call, visible[::-1], resource, auditor=auditor)


async def _proof_file(call: Call, found: Sequence[Found], name: str, *, auditor: bool) -> Response:
    private = call.query.get("private", False)
    if private and not auditor:
        raise Forbidden(
            T("个人信息只向审计管理员出示", "Private facts are shown to audit administrators alone"),
            mend=T("去掉 private=true，或请审计管理员导出", "Leave out private=true, or ask an audit administrator"),
            reason="AUDIT_PRIVATE",
        )
    await _covered(call.host, max(f.idx for f in found))
    proof = await call.host.read(_proof, call.host.kernel, [f.idx for f in found], call.query, private=private)
    headers = {"Content-Disposition": f'attachment; filename="cloudhall-proof-{name}.json"'}
    return raw(proof.to_json(), "application/json", headers)


def _proof(kernel: Kernel, idxs: Sequence[int], query: Query, *, private: bool) -> Proof:
    tx = kernel.store.read()
    if "kept_size" not in query:
        return kernel.audit.prove_all(tx, idxs, private=private)
    last = kernel.audit.latest(tx)
    size = cosignatures.best(tx, max(*idxs, query["kept_size"] - 1)) or (last.size if last else 0)
    proof = kernel.audit.prove_all(tx, idxs, size, private=private)
    return msgspec.structs.replace(proof, consistency=kernel.audit.consistency(tx, query["kept_size"], size))


async def checkpoint(call: Call) -> Response:
    """Newest signed head, or the newest that most witnesses have signed too (C2SP tlog-checkpoint)."""
    kernel = call.host.kernel
    tx = kernel.store.read()
    latest = kernel.audit.latest(tx)
    if latest is None:
        raise NotFound(T("还没有检查点", "There is no checkpoint yet"), mend=T("约一秒后再试", "Try again in a second"))
    return raw(kernel.audit.prove_all(tx, ()).checkpoint if call.query.get("cosigned") else latest.note, TEXT)


async def head(call: Call) -> Response:
    """The same as a proof file without entries, which is what the whole log is compared with."""
    kernel = call.host.kernel
    return raw(kernel.audit.prove_all(kernel.store.read(), ()).to_json(), "application/json")


async def status(call: Call) -> Response:
    """How far the log is signed, by whom, and whether a witness has seen another history."""
    return reply(status_of(call.host.kernel))


async def ask_witnesses(call: Call) -> Response:
    """Submit the newest head to every witness now."""
    kernel = call.host.kernel
    if not may_audit(kernel, call.caller, PLATFORM):
        raise Forbidden(
            T("只有平台审计管理员可以要求会签", "Only the platform's audit administrators may ask witnesses")
        )
    kernel.seal()
    await asyncio.gather(*(call.host.read(witnesses.ask, kernel, witness) for witness in kernel.witnesses))
    return reply(status_of(kernel))


def status_of(kernel: Kernel) -> dict[str, Any]:
    """State of the log and of its witnesses, as the interface tells it."""
    tx = kernel.store.read()
    known = [(witness, witnesses.standing(tx, witness)) for witness in kernel.witnesses]
    latest = kernel.audit.latest(tx)
    return {
        "origin": kernel.audit.origin,
        "key": kernel.audit.verifier_key(),
        "size": latest.size if latest else 0,
        "signed_at": rfc3339(latest.at_us) if latest else None,
        "alarm": any(found.alarm for _, found in known),
        "witnesses": [_witness(witness, found) for witness, found in known],
    }


def _witness(witness: witnesses.Witness, found: witnesses.Standing) -> dict[str, Any]:
    return {
        "name": witness.name,
        "url": witness.url,
        "key": witness.key,
        "state": found.state,
        "alarm": found.alarm,
        "detail": found.detail,
        "since": rfc3339(found.since_us) if found.since_us else None,
        "size": found.size,
        "signed_at": rfc3339(found.signed_us) if found.signed_us else None,
    }


async def verifier_key(call: Call) -> Response:
    """Public key to pin, as the verifier's `--key` takes it."""
    return raw(call.host.kernel.audit.verifier_key() + "\n", TEXT)


async def tile(call: Call) -> Response:
    """Serve a tile of hashes to anybody, a bundle of entries to who audits the platform (C2SP tlog-tiles)."""
    kernel, path = call.host.kernel, f"tile/{call.path('rest')}"
    try:
        wanted = tlog.parse_tile(path)
    except ValueError:
        raise NotFound(T(f"没有地址为 {path} 的树块", f"There is no tile {path}")) from None
    tx = kernel.store.read()
    if wanted.level != tlog.ENTRIES:
        return raw(kernel.audit.tile(tx, *wanted), "application/octet-stream")
    if not may_audit(kernel, caller_of(kernel, call.request), PLATFORM):
        raise Forbidden(T("整本日志只对平台审计管理员开放", "The whole log is for the platform's audit administrators"))
    return raw(kernel.audit.entries(tx, wanted.n, wanted.width), "application/octet-stream")


def _visible_entry(kernel: Kernel, caller: Caller, idx: int) -> tuple[Found, bool]:
    """One entry and whether the caller audits its place; NotFound for what is hidden."""
    found = kernel.audit.search(kernel.store.read(), before_idx=min(idx, INDEX_MAX) + 1, limit=1)
    sight = Sight(kernel, caller)
    if not found or found[0].idx != idx or not sight.of(found):
        raise NotFound(T(f"没有第 {idx} 条审计记录，或你无权查看", f"No audit entry {idx}, or not yours to see"))
    return found[0], sight.audits(found[0].leaf.project)


async def _covered(host: Host, idx: int) -> None:
    """Wait for the checkpoint that covers an entry: one is signed about every second."""
    loop = asyncio.get_running_loop()
    until = loop.time() + COVERED_WITHIN_S
    while loop.time() < until and not host.bell.closed:
        bell = host.bell.listen()
        latest = host.kernel.audit.latest(host.kernel.store.read())
        if latest is not None and latest.size > idx:
            return
        await heard(bell, until - loop.time())


def _entry(found: Found) -> dict[str, Any]:
    leaf = msgspec.to_builtins(found.leaf)
    at_us, place = leaf.pop("at_us"), leaf.pop("project", "")
    return {"index": found.idx, "at": rfc3339(at_us), "phase": found.leaf.phase, "place": place, **leaf}


_PLACE = T("项目，或单位连同其全部项目；名称或编号", "Project, or organisation with all its projects; by name or id")
_PRIVATE = Param(
    name="private", title=T("附上个人信息（仅审计管理员）", "With private facts (auditors only)"), shape="bool"
)
_KEPT = Param(
    name="kept_size",
    title=T(
        "以前保存的检查点的条数：附上其间没有改动的证明", "Size of a checkpoint kept from before: prove continuity"
    ),
    shape="int",
)


def _endpoint(path: str, name: str, title: T, run: Callable[[Call], Any], **more: Any) -> Endpoint:
    return Endpoint(path=f"/audit{path}", name=f"audit_{name}", title=title, run=run, **more)


ENDPOINTS = (
    _endpoint(
        "",
        "search",
        T("查审计日志", "Search the audit log"),
        search,
        params=(
            Param(name="actor", title=T("操作者的编号", "Id of who did it")),
            Param(name="resource", title=T("资源的编号", "Id of the resource")),
            Param(name="place", title=_PLACE),
            Param(name="action", title=T("操作", "Action"), example="storage.bucket:create"),
            Param(name="since", title=T("从何时起", "From when on"), shape="time", example="2026-11-01T00:00:00+08:00"),
            *PAGE,
        ),
    ),
    _endpoint("/entries/{index:int}", "entry", T("一条审计记录及其证明", "One entry with its proof"), entry),
    _endpoint(
        "/entries/{index:int}/decision",
        "decision",
        T("按当时的策略和事实重新判定", "Decide again from what was known then"),
        decision,
    ),
    _endpoint(
        "/entries/{index:int}/proof",
        "entry_proof",
        T("一条记录的证明文件", "Proof file of one entry"),
        proof_of_entry,
        params=(_PRIVATE, _KEPT),
    ),
    _endpoint(
        "/proof",
        "history_proof",
        T("一个资源全部记录的证明文件", "Proof file of a resource's history"),
        proof_of_history,
        params=(Param(name="resource", title=T("资源的编号", "Id of the resource"), required=True), _PRIVATE, _KEPT),
    ),
    _endpoint(
        "/checkpoint",
        "checkpoint",
        T("最新检查点", "Newest checkpoint"),
        checkpoint,
        public=True,
        media_type=TEXT,
        params=(
            Param(
                name="cosigned",
                title=T("要见证人会签最多的那一个", "The newest that most witnesses have signed"),
                shape="bool",
            ),
        ),
    ),
    _endpoint("/head", "head", T("不含条目的证明文件", "Proof file without entries"), head, public=True),
    _endpoint("/status", "status", T("日志与见证人的现状", "State of the log and its witnesses"), status),
    _endpoint(
        "/witnesses:ask",
        "ask_witnesses",
        T("请见证人立即会签", "Ask the witnesses to sign now"),
        ask_witnesses,
        method="POST",
    ),
    _endpoint(
        "/verifier-key", "verifier_key", T("核验公钥", "Verifier key"), verifier_key, public=True, media_type=TEXT
    ),
    _endpoint(
        "/tile/{rest:path}",
        "tile",
        T("树块（C2SP tlog-tiles）", "Tiles (C2SP tlog-tiles)"),
        tile,
        public=True,
        media_type="application/octet-stream",
    ),
)
