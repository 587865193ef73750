"""The session with every kind as an attribute."""

from cloudhall.kernel.registry import Registry
from sdk_modules.kind_module import attribute_of, class_of, name_of

HEAD = '''"""The session with every kind of this release. Written by `make docs` from the declarations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from cloudhall.sdk.session import Session

if TYPE_CHECKING:
{imports}


class Cloudhall(Session):
    """A log-in at a server: `Cloudhall().buckets.list()`. See `Session` for how it is made."""

    modules: ClassVar[Mapping[str, str]] = {{
{modules}
    }}
{attributes}
'''


def cloud_module(registry: Registry) -> str:
    """Text of the module, to be formatted."""
    metas = sorted((kind.meta for kind in registry), key=attribute_of)
    imports = sorted(f"    from cloudhall.sdk.kinds.{name_of(m)} import {class_of(m)}" for m in metas)
    modules = [f'        "{attribute_of(m)}": "{name_of(m)}:{class_of(m)}",' for m in metas]
    attributes = [f'    {attribute_of(m)}: "{class_of(m)}"\n    """{m.title.en} · {m.title.zh}"""' for m in metas]
    return HEAD.format(imports="\n".join(imports), modules="\n".join(modules), attributes="\n".join(attributes))
