"""What it takes to make what is there what manifests wish: found out by dry runs, before anything is done.

The server says what a change would come to (defaults, references, forms of time), so a plan has no differences that are
none, and applying twice changes nothing the second time. Cost: two requests a manifest.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from cloudhall.cli.app import App, address
from cloudhall.cli.manifests import Manifest, needed
from cloudhall.sdk.errors import NotFound, Refused

Wire = dict[str, Any]
Act = Literal["create", "change", "unchanged"]


class Difference(NamedTuple):
    """One value that would be another; None where there is none."""

    path: str
    now: Any
    then: Any


class Step(NamedTuple):
    """What is to be done for one manifest.

    `preview` is the server's dry run; it is missing where that must wait for something that does not exist yet.
    """

    manifest: Manifest
    act: Act
    now: Wire | None = None
    patch: Wire = {}  # noqa: RUF012  never written to
    differences: tuple[Difference, ...] = ()
    preview: Wire | None = None
    refused: Refused | None = None


def plan(app: App, manifests: Iterable[Manifest]) -> Iterator[Step]:
    """Steps in the order in which they can be done; a refusal is a step too, so that all of them are told at once."""
    making: list[Manifest] = []
    for manifest in manifests:
        step = _step(app, manifest, waits=any(needed(manifest, making)))
        if step.act == "create":
            making.append(manifest)
        yield step


def do(app: App, step: Step) -> Wire:
    """Do a step; a change is made only to what the plan has seen. Raises `Refused`."""
    manifest = step.manifest
    if step.now is None:
        return app.client.change("POST", manifest.noun["plural"], body=_body(manifest))
    return app.client.change("PATCH", _address(step.now, manifest), body=step.patch, revision=step.now["revision"])


def patch_of(wished: Mapping[str, Any], now: Mapping[str, Any]) -> Wire:
    """Patch (RFC 7396) that makes the maps within what is wished whole: what stands there no more goes."""
    patch: Wire = {}
    for name, value in wished.items():
        old = now.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            patch[name] = {**dict.fromkeys(old), **value}
        else:
            patch[name] = value
    return patch


def differences(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Labels and fields of the spec that differ between a resource and what it would be."""
    return tuple(
        Difference(f"{part}.{name}", old.get(name), new.get(name))
        for part in ("labels", "spec")
        for old, new in [(now.get(part, {}), then.get(part, {}))]
        for name in dict.fromkeys([*new, *old])
        if old.get(name) != new.get(name)
    )


def _step(app: App, manifest: Manifest, *, waits: bool) -> Step:
    try:
        if waits:
            return Step(manifest, "create")
        now = _there(app, manifest)
        if now is None:
            made = app.client.change("POST", manifest.noun["plural"], {"validate_only": "true"}, _body(manifest))
            return Step(manifest, "create", differences=differences({}, made["resource"]), preview=made)
        return _changed(app, manifest, now)
    except Refused as refused:
        return Step(manifest, "change", refused=refused)


def _changed(app: App, manifest: Manifest, now: Wire) -> Step:
    patch: Wire = {"spec": patch_of(manifest.spec, now["spec"])}
    if manifest.labels is not None:
        patch["labels"] = patch_of({"labels": manifest.labels}, now)["labels"]
    if "update" not in manifest.noun["verbs"] and not differences(now, _merged(now, patch)):
        return Step(manifest, "unchanged", now)
    preview = app.client.change("PATCH", _address(now, manifest), {"validate_only": "true"}, patch)
    found = differences(now, preview["resource"])
    return Step(manifest, "change" if found else "unchanged", now, patch, found, preview)


def _there(app: App, manifest: Manifest) -> Wire | None:
    scope = manifest.noun["scope"]
    try:
        return app.client.look(
            address(manifest.noun, manifest.name), {scope: manifest.place} if scope != "platform" else {}
        )
    except NotFound:
        return None


def _address(now: Mapping[str, Any], manifest: Manifest) -> str:
    return address(manifest.noun, now["id"])


def _body(manifest: Manifest) -> Wire:
    place = {manifest.noun["scope"]: manifest.place} if manifest.place else {}
    labels = {"labels": manifest.labels} if manifest.labels else {}
    return {"name": manifest.name, **place, **labels, "spec": manifest.spec}


def _merged(now: Wire, patch: Wire) -> Wire:
    """What a kind that cannot be changed would look like; one difference is enough to let the server refuse it."""
    return {part: now[part] | patch.get(part, {}) for part in ("labels", "spec")}
