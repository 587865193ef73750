"""A connection that breaks in its commit: the idempotency key decides, and the command is done once."""

from contextlib import closing

import pytest

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.roles import DEVELOPER
from tests.kit.cable import Cable
from tests.kit.hall import WAIT_S, Hall, folder
from tests.kit.postgres import Server


@pytest.mark.parametrize("kept", [True, False])
def test_sent_again_under_its_key_it_is_done_once(postgres: Server, kept: bool) -> None:
    name = postgres.make()
    with Cable(postgres.url(name)) as cable, folder() as home, closing(Hall(home, database=cable.url)) as hall:
        spec = {"quota_gib": 1, "grade": "open"}
        asked = Command(kind=Bucket, verb="create", place=hall.project(), name="once", spec=spec, key="k")
        cable.cut_at(b"COMMIT\0", after=kept)
        with pytest.raises(Unavailable) as unknown:
            hall.kernel.execute(hall.staff[DEVELOPER], asked).result(WAIT_S)
        assert unknown.value.reason == "OUTCOME_UNKNOWN"
        again = hall.kernel.execute(hall.staff[DEVELOPER], asked).result(WAIT_S)
        assert again.replayed is kept
        assert hall.one("SELECT count(*) FROM storage_bucket") == 1
        assert hall.one("SELECT used FROM quota WHERE key = 'storage_gib'") == 1
    postgres.drop(name)
