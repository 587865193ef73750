"""The module of one kind: its types, and a class that says what can be done with it."""

import re

from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Action, Meta
from sdk_modules.types import READ, SENT, Types, documented, where_of

ON_EVERY_STATUS = ("conditions", "observed_generation")  # on the wire they stand beside the status
IMPORTS = {
    "collections.abc": ("Sequence",),
    "typing": ("Any", "ClassVar", "Literal", "NotRequired", "TypedDict", "Unpack", "cast"),
    "cloudhall.sdk.kind": ("Changes", "Deletes", "Makes", "Reads"),
    "cloudhall.sdk.resource": ("How", "Resource", "Texts"),
}


def name_of(meta: Meta) -> str:
    """Name of a kind's module."""
    return meta.key.replace(".", "_")


def prefix_of(meta: Meta) -> str:
    """How the names of its types begin: `ServiceAccount`."""
    return "".join(word.capitalize() for word in meta.name.split("_"))


def class_of(meta: Meta) -> str:
    """Name of the class: `ServiceAccounts`."""
    words = re.split(r"[-_]", meta.plural)
    return "".join(word.capitalize() for word in words)


def attribute_of(meta: Meta) -> str:
    """Name under which a session has it: `service_accounts`."""
    return meta.plural.replace("-", "_")


def render(meta: Meta) -> str:
    """Text of the module, to be formatted."""
    types = Types(prefix_of(meta))
    bases = _types(meta, types)
    actions = [_action(meta, action, types) for action in meta.actions.values()]
    code = "\n\n".join([*types.written.values(), _class(meta, bases, actions)])
    head = f'"""{meta.title.en} · {meta.title.zh}. Written by `make docs` from the declaration of {meta.key}."""\n'
    return f"{head}\n{_imports(code)}\n\n{code}"


def _types(meta: Meta, types: Types) -> list[str]:
    """Write what is read and sent; answers the bases of the class."""
    spec, prefix = fields_of(meta.spec), types.prefix
    settable = {name: info for name, info in spec.items() if not info.f.by}
    status = {name: info for name, info in fields_of(meta.status).items() if name not in ON_EVERY_STATUS}
    types.add(f"{prefix}Spec", "What people decided.", list(types.rows(spec, READ)))
    types.add(f"{prefix}Status", "What the program found out.", list(types.rows(status, READ)))
    place = [] if meta.scope == "platform" else [f"{meta.scope}: str"]
    rows = [*place, f"spec: {prefix}Spec", f"status: {prefix}Status"]
    types.add(prefix, f"{meta.title.en} · {meta.title.zh}.", rows, base="Resource")
    bases = [f"Reads[{prefix}, {where_of(meta, types)}]"]
    if "create" in meta.verbs:
        types.add(f"{prefix}Input", "What a new one is made from.", list(types.rows(settable, SENT)))
        bases.append(f"Makes[{prefix}, {prefix}Input]")
    if "update" in meta.verbs:
        patch = {name: info for name, info in settable.items() if not info.f.immutable}
        text = "What may be changed; None gives a field its default back."
        types.add(f"{prefix}Patch", text, list(types.rows(patch, SENT, partial=True)), base="TypedDict, total=False")
        bases.append(f"Changes[{prefix}, {prefix}Patch]")
    return bases + ([f"Deletes[{prefix}]"] if "delete" in meta.verbs else [])


def _action(meta: Meta, action: Action, types: Types) -> str:
    """Write a method, and the dictionary of its arguments where it takes any."""
    fields, found = fields_of(action.args), types.prefix
    text = documented(f"{action.title.en} · {action.title.zh}.", indent=8)
    if not fields:
        head, sent = f"def {action.name}(self, target: str, **how: Unpack[How]) -> {found}:", "{}"
    else:
        args = f"{found}{''.join(w.capitalize() for w in action.name.split('_'))}"
        types.add(args, f"Arguments of {meta.name} {action.name}.", list(types.rows(fields, SENT)))
        head, sent = f"def {action.name}(self, target: str, args: {args}, **how: Unpack[How]) -> {found}:", "args"
    return f'    {head}\n{text}\n        return cast("{found}", self._act(target, "{action.name}", {sent}, how))\n'


def _class(meta: Meta, bases: list[str], actions: list[str]) -> str:
    names = {"kind": meta.key, "plural": meta.plural, "scope": meta.scope}
    return "\n".join(
        [
            f"class {class_of(meta)}({', '.join(bases)}):",
            documented(f"{meta.title.en} · {meta.title.zh}.", meta.doc.en, meta.doc.zh),
            "",
            *(f"    {name}: ClassVar[str] = {word!r}" for name, word in names.items()),
            "",
            *actions,
        ]
    )


def _imports(code: str) -> str:
    """Imports of what the code uses."""
    used = {module: [n for n in names if re.search(rf"\b{n}\b", code)] for module, names in IMPORTS.items()}
    return "".join(_import(module, names) for module, names in used.items())


def _import(module: str, names: list[str]) -> str:
    gap = "\n" if module == "cloudhall.sdk.kind" else ""
    return f"{gap}from {module} import {', '.join(names)}\n" if names else gap
