"""The audit log for people: search it, open an entry, take its proof home and check it without us.

Who sees what is the interface's rule: auditors of a place everything below it, private facts included; everybody else
their own deeds, and those on resources that they may read. Cost: a search walks at most `LOOKED_AT_MAX` entries.
"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.responses import Response

from cloudhall import verify
from cloudhall.api.audit import INDEX_MAX, Sight
from cloudhall.api.sight import record_of
from cloudhall.console import equivalents, formats
from cloudhall.console.charts import Sibling
from cloudhall.console.names import Named
from cloudhall.console.timeline import VERBS
from cloudhall.kernel import witnesses
from cloudhall.kernel.audit import Found, Leaf
from cloudhall.kernel.audit_search import first_at
from cloudhall.kernel.authority import verb_title
from cloudhall.kernel.errors import CloudhallError, NotFound
from cloudhall.kernel.facts import GOES_WITH
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.proofs import Proof
from cloudhall.kernel.redeciding import redecide
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T
from cloudhall.kernel.tlog import leaf_hash
from cloudhall.kernel.wire import rfc3339
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PAGE_SIZE = 50
BATCH = 200
DAY_US = 86_400 * SECOND_US
LOOKED_AT_MAX = 2_000
OTHERS_SHOWN = 6
VERIFIER = "cloudhall_verify.py"
ASKED = ("actor", "action", "resource", "place", "since", "until", "before")
PHASES = {
    "done": T("已完成", "Done"),
    "intent": T("将要执行", "About to"),
    "denied": T("已拒绝", "Denied"),
}
DEEDS = {
    "session:login": T("登录", "Log-in"),
    "session:logout": T("退出登录", "Log-out"),
    "installation:founding": T("建立安装", "Installation founded"),
}
ENGINE_CALL = T("调用引擎", "Engine called")
SUCCEEDED, FAILED = T("成功", "Succeeded"), T("失败", "Failed")
PRIVATE = {
    "name": T("姓名", "Name"),
    "login": T("登录名", "Log-in"),
    "address": T("网络地址", "Network address"),
    "agent": T("浏览器或程序", "Browser or program"),
}
PHASE_ICONS = {"done": "ok", "intent": "wait", "denied": "bad"}
OK = "ok"  # the reason of an outcome that is as it was meant


class Signer(NamedTuple):
    """A witness as a row, and how its state is drawn."""

    witness: witnesses.Witness
    standing: witnesses.Standing
    word: T
    look: str


class Entry(NamedTuple):
    """One entry as a row: who did what to what, where and when."""

    idx: int
    at_us: int
    at: formats.Moment
    action: str
    phase: str
    word: T
    icon: str
    actor: Named
    resource: Named
    project: Named
    leaf: Leaf
    deed: T | None


def search(visit: "Visit") -> Response:
    """Entries that match who, what, resource, place and days, newest first."""
    asked = {k: visit.query.get(k, "").strip() for k in ASKED}
    found = _find(visit, asked)
    later = found[PAGE_SIZE - 1].idx if len(found) >= PAGE_SIZE else None
    given = [(k, v) for k, v in asked.items() if v and k != "before"]
    return visit.page(
        "audit.html",
        call=equivalents.audit([(k, v) for k, v in given if k != "until"]),
        asked=asked,
        actions=_actions(visit),
        narrowed=bool(given),
        entries=[_entry(visit, f) for f in found[:PAGE_SIZE]],
        after=visit.request.url.include_query_params(before=later).query if later else "",
        covered=visit.kernel.audit.latest(visit.tx),
        signers=_signers(visit),
    )


def _signers(visit: "Visit") -> list[Signer]:
    found = [(witness, witnesses.standing(visit.tx, witness)) for witness in visit.kernel.witnesses]
    return [Signer(w, s, witnesses.STATES[s.state], _look(s)) for w, s in found]


def _look(standing: witnesses.Standing) -> str:
    if standing.alarm:
        return "bad"
    return {"signed": "ok", "new": "wait"}.get(standing.state, "warn")


def entry(visit: "Visit", idx: int) -> Response:
    """One entry with the bytes of its leaf, its path to the signed head, and how to check that alone."""
    found = _visible(visit, idx)
    proof = _proof(visit, found)
    leaf = proof.entries[0].leaf if proof else b""
    private = msgspec.json.decode(proof.entries[0].payload) if proof and proof.entries[0].payload else {}
    others = _find(visit, {"resource": found.leaf.resource}) if found.leaf.resource else []
    return visit.page(
        "audit_entry.html",
        call=equivalents.Call("GET", f"/audit/entries/{idx}", ("audit", "get", str(idx))),
        e=_entry(visit, found),
        policies=[visit.kernel.authority.policies.policies.get(p) or p for p in found.leaf.policies],
        private=[(PRIVATE.get(name, T(name, name)), text) for name, text in private.items()],
        signers=_signers(visit),
        utc=rfc3339(found.leaf.at_us),
        leaf=leaf.decode(),
        leaf_hash=leaf_hash(leaf).hex(),
        path=_path(proof) if proof else [],
        head=visit.kernel.audit.latest(visit.tx) if proof else None,
        findings=verify.check(proof.to_json()) if proof else [],
        bytes=len(proof.to_json()) if proof else 0,
        key=visit.kernel.audit.verifier_key(),
        others=[_entry(visit, o) for o in others if o.idx != idx][:OTHERS_SHOWN],
        verifier=VERIFIER,
        **_again(visit, found),
    )


def _again(visit: "Visit", found: Found) -> dict[str, Any]:
    """The decision made again where that was asked for; else whether it can be."""
    can = bool(found.leaf.subject_digest) or found.leaf.reason.startswith(GOES_WITH)
    if not can or "again" not in visit.query:
        return {"can_redecide": can, "again": None, "trouble": None}
    try:
        return {"can_redecide": False, "again": redecide(visit.tx, found.idx), "trouble": None}
    except CloudhallError as error:
        return {"can_redecide": False, "again": None, "trouble": error}


def proof_file(visit: "Visit", idx: int) -> Response:
    """Proof of an entry, as the verifier reads it."""
    proof = _proof(visit, _visible(visit, idx))
    if proof is None:
        text = T("最新检查点还没有覆盖这一条", "The newest checkpoint does not cover this entry yet")
        raise NotFound(text, mend=T("约一秒后再试", "Try again in about a second"))
    return _download(proof.to_json(), "application/json", f"proof-{idx}.json")


def verifier_file(_visit: "Visit") -> Response:
    """Give the stand-alone verifier out: one file, readable whole."""
    return _download(Path(verify.__file__).read_bytes(), "text/x-python; charset=utf-8", VERIFIER)


def _find(visit: "Visit", asked: Mapping[str, str]) -> list[Found]:
    """Walk the matching entries until a page is full of what the visitor may see."""
    sight, found = Sight(visit.kernel, visit.caller), list[Found]()
    before = _before(visit, asked)
    who, what, where = (_id_of(visit, asked.get(name, "")) for name in ("actor", "resource", "place"))
    action, since_us = asked.get("action") or None, _day_us(asked.get("since", ""))
    for _ in range(LOOKED_AT_MAX // BATCH):
        batch = visit.kernel.audit.search(
            visit.tx,
            actor=who or None,
            resource=what or None,
            places=record_of(visit.kernel, where),
            action=action,
            since_us=since_us,
            before_idx=before,
            limit=BATCH,
        )
        found += sight.of(batch)
        if len(batch) < BATCH or len(found) >= PAGE_SIZE:
            break
        before = batch[-1].idx
    return found


def _before(visit: "Visit", asked: Mapping[str, str]) -> int | None:
    """Index that all entries lie before: where the last page ended, else the end of the last day asked for."""
    if asked.get("before", "").isdecimal():
        return int(asked["before"])
    last_day_us = _day_us(asked.get("until", ""))
    return first_at(visit.tx, last_day_us + DAY_US) if last_day_us is not None else None


def _visible(visit: "Visit", idx: int) -> Found:
    """Return the entry, or 404 for one that is not there or not for this visitor."""
    found = visit.kernel.audit.search(visit.tx, before_idx=min(idx, INDEX_MAX) + 1, limit=1)
    if not found or found[0].idx != idx or not Sight(visit.kernel, visit.caller).of(found):
        raise NotFound(T(f"没有第 {idx} 条审计记录，或你无权查看", f"No audit entry {idx}, or not yours to see"))
    return found[0]


def _proof(visit: "Visit", found: Found) -> Proof | None:
    """Proof under the newest checkpoint; None for the second or so until one covers the entry."""
    try:
        private = Sight(visit.kernel, visit.caller).audits(found.leaf.project)
        return visit.kernel.audit.prove(visit.tx, found.idx, private=private)
    except NotFound:
        return None


def _entry(visit: "Visit", found: Found) -> Entry:
    leaf = found.leaf
    word, icon = _result(leaf)
    return Entry(
        idx=found.idx,
        at_us=leaf.at_us,
        at=formats.moment(leaf.at_us, visit.language, visit.now_us),
        action=leaf.action,
        phase=leaf.phase,
        word=word,
        icon=icon,
        actor=visit.names.of(leaf.actor),
        resource=visit.names.of(leaf.resource),
        project=visit.names.of(leaf.project),
        leaf=leaf,
        deed=_deed(visit, leaf.action),
    )


def _result(leaf: Leaf) -> tuple[T, str]:
    """How it went: of a call of an engine, whether it succeeded."""
    if leaf.phase != "outcome":
        return PHASES[leaf.phase], PHASE_ICONS[leaf.phase]
    return (SUCCEEDED, "ok") if leaf.reason == OK else (FAILED, "bad")


def _deed(visit: "Visit", action: str) -> T | None:
    """Say an operation on a kind, a log-in or a call of an engine in words; None for what has none."""
    key, _, verb = action.partition(":")
    kind = visit.kernel.registry.kinds.get(key)
    if kind is not None:
        happened = VERBS.get(verb) if verb not in kind.meta.verbs else None
        done = happened or verb_title(kind.meta, verb)
        return T(f"{kind.meta.title.zh}：{done.zh}", f"{kind.meta.title.en}: {done.en}")
    return ENGINE_CALL if key == "port" else DEEDS.get(action)


def _actions(visit: "Visit") -> list[tuple[str, T]]:
    """Operations that a search may be narrowed to, in words."""
    kinds = (k.meta for k in visit.kernel.registry)
    found = [(f"{m.key}:{v}", _deed(visit, f"{m.key}:{v}")) for m in kinds for v in m.verbs if v != "read"]
    return [*DEEDS.items(), *((action, said) for action, said in found if said)]


def _path(proof: Proof) -> list[Sibling]:
    """Siblings from the leaf upwards, each with its side (RFC 9162 section 2.1.3.2)."""
    proven = proof.entries[0]
    size = int(proof.checkpoint.split("\n")[1])
    place, last, steps = proven.index, size - 1, []
    for level, sibling in enumerate(proven.path, 1):
        left = bool(place & 1) or place == last
        steps.append(Sibling(level, sibling.hex(), left))
        while left and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    return steps


def _id_of(visit: "Visit", text: str) -> str:
    """Id behind what somebody typed: an id as it is, else a name that is the only one of its kind to be seen."""
    if not text or is_id(text) or ":" in text:
        return text
    for kind in visit.kernel.registry:
        rows = visit.kernel.page(visit.caller, kind, Where("name = ?", (text,)), limit=2)
        if len(rows) == 1:
            return rows[0].id
    return text


def _day_us(text: str) -> int | None:
    """Begin of a day in Asia/Shanghai."""
    try:
        day = datetime.datetime.fromisoformat(text).replace(tzinfo=formats.ZONE)
    except ValueError:
        return None
    return int(day.timestamp()) * SECOND_US


def _download(body: bytes, media_type: str, name: str) -> Response:
    return Response(body, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
