"""The city is founded once and whole, also when its founding was interrupted at any command."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall import installation
from cloudhall.domains.identity import demo, resets
from cloudhall.domains.identity.founding import FOUNDER, Administrator, founded, founding
from cloudhall.domains.identity.founding import found as own
from cloudhall.kernel import places
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.text import T


class Killed(BaseException):
    """Stands for the end of the process: nothing runs after it."""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = installation.open_kernel(tmp_path, {})
    yield kernel
    kernel.store.close()


def found(kernel: Kernel) -> None:
    with founding(kernel) as founder:
        demo.seed(kernel, founder)


def names(kernel: Kernel) -> dict[str, list[str]]:
    tx = kernel.store.read()
    return {
        kind.meta.key: [row[0] for row in tx.execute(f"SELECT name FROM {kind.meta.table} ORDER BY name")]
        for kind in kernel.registry
    }


def until(kernel: Kernel, command: int) -> Callable[..., Any]:
    """Execute as the kernel does, up to a command."""
    left, execute = [command], kernel.execute

    def counted(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return execute(*arguments)

    return counted


def kill_at(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, command: int) -> None:
    """Begin to found and die at a command, without the end that an exception still gets."""
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "execute", until(kernel, command))
        begun = founding(kernel)
        founder = begun.__enter__()
        with pytest.raises(Killed):
            demo.seed(kernel, founder)


@pytest.mark.parametrize("command", [0, 1, 25, 30, 41])
def test_an_interrupted_founding_is_finished_by_the_next(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: int
) -> None:
    kill_at(kernel, monkeypatch, command)
    assert not founded(kernel)
    found(kernel)
    assert founded(kernel)
    straight = installation.open_kernel(tmp_path / "straight", {})
    found(straight)
    assert names(kernel) == names(straight)
    straight.store.close()
    assert not places.granted(kernel.store.read(), FOUNDER.id, 0)


@pytest.mark.parametrize("command", range(7))
def test_an_interrupted_founding_of_ones_own_is_finished_by_the_next(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, command: int
) -> None:
    three = [Administrator(role, role.replace("_", "-"), role) for role in ADMINISTRATORS]
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "execute", until(kernel, command))
        with pytest.raises(Killed):
            own(kernel, "city", T("某市", "City"), three)
    assert not founded(kernel)
    codes = own(kernel, "city", T("某市", "City"), three)
    assert founded(kernel)
    found_names = names(kernel)
    assert found_names["identity.person"] == sorted(a.login for a in three)
    assert len(found_names["identity.grant"]) == len(three)
    for login, code in codes.items():
        assert resets.owner(kernel, code.secret).name == login


def test_it_founds_once(kernel: Kernel) -> None:
    found(kernel)
    before = names(kernel)
    with pytest.raises(Conflict):
        found(kernel)
    assert names(kernel) == before


def test_a_founding_that_failed_loses_its_roles_and_may_be_tried_again(kernel: Kernel) -> None:
    def fail() -> None:
        with founding(kernel) as founder:
            demo.seed(kernel, founder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not places.granted(kernel.store.read(), FOUNDER.id, 0)
    assert not founded(kernel)
    found(kernel)
    assert founded(kernel)
