"""What cannot be right is refused before the first request, with the nearest name."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from cloudhall.installation import DOMAINS
from cloudhall.kernel.fields import F
from cloudhall.kernel.kinds import Grants, Index, Kind, Limit, Meta, Meter, Quota, Spec, Status, T, field
from cloudhall.kernel.metering import MeterDef
from cloudhall.kernel.registry import DeclarationError, Domain, Registry
from tests.kernel.workshop import WORKSHOP, Engine

NAME = T("名", "Name")


class GadgetSpec(Spec, frozen=True, kw_only=True):
    size: Annotated[int, field("大小", "Size")] = 0
    colour: Annotated[str, field("颜色", "Colour")] = ""
    spare: Annotated[int | None, field("备用", "Spare")] = None


class Gadget(Kind[GadgetSpec, Status], title=NAME, prefix="zy", doc=NAME, allow={"read": ("viewer",)}):
    """A thing whose declaration each test spoils."""


class LooseSpec(Spec, frozen=True, kw_only=True):
    gadget: Annotated[str, field("物件", "Gadget", ref="kernel.gadgt")] = ""


class Loose(Kind[LooseSpec, Status], title=NAME, prefix="zx", doc=NAME):
    """Refers to no kind."""


class SetSpec(Spec, frozen=True, kw_only=True):
    on: Annotated[bool, F(title=NAME, by=("switchh",))] = False


class Set(Kind[SetSpec, Status], title=NAME, prefix="zw", doc=NAME):
    """A field of an action that is not there."""


def domain(*kinds: Any, **more: Any) -> Domain:
    return Domain(name=more.pop("name", "gadgets"), title=NAME, question=NAME, kinds=kinds, **more)


@pytest.fixture
def meta() -> Iterator[Meta]:
    """The gadget's declaration, put back afterwards."""
    meta = Gadget.meta
    before = {name: getattr(meta, name) for name in meta.__struct_fields__}
    yield meta
    for name, value in before.items():
        setattr(meta, name, value)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"indexes": (Index("spec.colur"),)}, "kernel.gadget: no path 'spec.colur'; did you mean 'spec.colour'?"),
        ({"indexes": (Index("size"),)}, "no path 'size'; did you mean 'spec.size'?"),
        ({"quotas": (Quota("q", "spec.sise", NAME, "", 1),)}, "no path 'spec.sise'; did you mean 'spec.size'?"),
        ({"quotas": (Quota("q", "spec.colour", NAME, "", 1),)}, "spec.colour is counted"),
        ({"quotas": (Quota("q", "spec.spare", NAME, "", 1),)}, "spec.spare is counted"),
        ({"meters": (Meter("storage.reserved_gib", "status.observed_generation"),)}, "must be a whole number of the"),
        ({"meters": (Meter("storage.reserved", "spec.size"),)}, "no meter 'storage.reserved'; did you mean"),
        ({"limits": (Limit("spec.colour", "spec.siz"),)}, "no path 'spec.siz'; did you mean 'spec.size'?"),
        ({"grants": Grants("spec.colour", "spec.rôle", "spec.size", "spec.colour")}, "no path 'spec.rôle'"),
        ({"columns": ("spec.colo",)}, "no path 'spec.colo'; did you mean 'spec.colour'?"),
        ({"columns": ("nam",)}, "no column 'nam'; did you mean 'name'?"),
        ({"allow": {"craete": ("viewer",)}}, "no verb 'craete'; did you mean 'create'?"),
        ({"allow": {"audit": ("viewer",)}}, "no verb 'audit'"),
        ({"allow": {"read": ("vewer",)}}, "no role 'vewer'; did you mean 'viewer'?"),
        ({"allow": {"read": ("service:storage.buckt",)}}, "no kind 'storage.buckt'; did you mean 'storage.bucket'?"),
    ],
)
def test_a_misspelt_declaration_names_the_nearest(meta: Meta, spoilt: dict[str, Any], said: str) -> None:
    for name, value in spoilt.items():
        setattr(meta, name, value)
    with pytest.raises(DeclarationError) as refused:
        Registry((*DOMAINS, domain(Gadget)))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("domains", "said"),
    [
        ((domain(Loose),), "kernel.loose.gadget: no kind 'kernel.gadgt'"),
        ((domain(Gadget, Loose),), "did you mean 'kernel.gadget'?"),
        ((domain(Set),), "kernel.set.on: no action 'switchh'"),
        ((domain(Gadget, Gadget),), "two kinds have the name 'kernel.gadget'"),
        ((domain(), domain()), "two domains have the name 'gadgets'"),
        ((domain(depends_on=("gadget",)),), "no domain 'gadget'; did you mean 'gadgets'?"),
    ],
)
def test_twins_and_loose_ends_are_refused(domains: tuple[Domain, ...], said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        Registry(domains)
    assert said in str(refused.value)


@pytest.mark.parametrize(("what", "value"), [("prefix", "zg"), ("plural", "engines")])
def test_two_kinds_share_neither_prefix_nor_plural(meta: Meta, what: str, value: str) -> None:
    setattr(meta, what, value)
    with pytest.raises(DeclarationError, match=f"two kinds have the {what} '{value}'"):
        Registry((WORKSHOP, domain(Gadget)))


def test_two_domains_do_not_declare_one_meter() -> None:
    meter = MeterDef(
        key="m.x", title=NAME, unit=NAME, aggregation="sum", scale=NAME, precision=NAME, method=NAME, test=__name__
    )
    with pytest.raises(DeclarationError, match=r"two meters have the key 'm\.x'"):
        Registry((domain(meters=(meter,)), domain(name="others", meters=(meter,))))


def test_an_unknown_kind_is_asked_for_with_the_nearest_name() -> None:
    registry = Registry((WORKSHOP,))
    assert registry.kind("kernel.engine") is Engine
    with pytest.raises(KeyError, match=r"did you mean 'kernel\.engine'"):
        registry.kind("kernel.engin")


def test_children_are_known_by_their_references() -> None:
    assert [(k.meta.name, path) for k, path in Registry((WORKSHOP,)).children("kernel.engine")] == [
        ("part", "spec.engine"),
        ("permit", "spec.engine"),
    ]
