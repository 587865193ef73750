"""Who watches from an old revision reads through the archive: the same events, each once, in order."""

from cloudhall.kernel.archive import Limits
from tests.api.test_watch import Watcher, address, dev_
from tests.api.town import Town

__all__ = ["address", "dev_"]
BOXES = 12


def test_an_old_revision_is_watched_through_the_archive(town: Town, dev_: Watcher) -> None:
    start = town.kernel.store.read().execute("SELECT max(revision) FROM event").fetchone()[0]
    made = [dev_.box(f"box-{n}")["id"] for n in range(BOXES)]
    with dev_.watching(f"?after={start}&kind=boxes") as stream:
        before = stream.take(BOXES)
    town.kernel.levels.collect()
    history = town.kernel.history
    history.width, history.limits = 4, Limits(kept_rows=4)
    assert history.turn() > 2
    with dev_.watching(f"?after={start}&kind=boxes") as stream:
        assert stream.take(BOXES) == before
    assert [e.data["id"] for e in before] == made
    with dev_.watching("?after=0") as stream:
        numbers = [e.id for e in stream.take(BOXES)]
    assert numbers == sorted(set(numbers))
