"""Edits as patches (RFC 7396): maps are merged key by key, everything else is replaced, null takes away."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Spec


def merge_patch(old: Any, patch: Any) -> Any:
    """Apply a patch to a JSON value."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def spec_patch(old: Spec, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Whole new values of the fields that a patch names. Null gives a field its default back.

    Where null is a value of the field it stays null; where there is no default it stays too, to be refused.
    """
    now, known = msgspec.to_builtins(old), fields_of(type(old))
    return {
        name: _default(known[name]) if value is None and name in known else merge_patch(now.get(name), value)
        for name, value in patch.items()
    }


def _default(info: FieldInfo) -> Any:
    return msgspec.to_builtins(info.default) if info.has_default and not info.nullable else None
