"""A kernel over the real engine, without the server: commands, passes and collections run when a test says so."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cloudhall import installation
from cloudhall.domains.identity.founding import founding
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.project import Project
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.domains.storage.usage import COLLECTORS
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.world import World


class City:
    """A project and its founder, and the few things that tests do in it."""

    def __init__(self, kernel: Kernel, engine: SeaweedFS, founder: Caller) -> None:
        self.kernel, self.engine, self.founder = kernel, engine, founder
        self.do(Organisation, "create", "finance", "platform", {"title_zh": "市财政局"})
        self.project = self.do(Project, "create", "statistics", "finance", {"title_zh": "财政统计"})["id"]

    def do(
        self, kind: Any, verb: str, name: str, place: str = "", spec: Any = None, args: Any = None
    ) -> dict[str, Any]:
        target = "" if verb == "create" else name
        command = Command(
            kind=kind,
            verb=verb,
            name=name if verb == "create" else None,
            target=target,
            place=place,
            spec=spec,
            args=args,
        )
        body = self.kernel.execute(self.founder, command).result().body
        self.settle()
        return body

    def settle(self) -> None:
        """Run whatever is due, for as long as something is."""
        while self.kernel.reconciler.run_due():
            pass

    def collect(self) -> None:
        for collector in COLLECTORS:
            self.kernel.collect(collector)
        self.settle()

    def bucket(self, name: str, **spec: Any) -> dict[str, Any]:
        return self.do(Bucket, "create", name, self.project, {"quota_gib": 1, "grade": "open", **spec})

    def until_stored(self, id_: str, size: int) -> None:
        """Collect until a bucket shows so many bytes; the change stream shows a write within 2 s."""
        deadline = time.monotonic() + 10
        while self.row(Bucket, id_).status.stored_bytes != size and time.monotonic() < deadline:
            self.collect()
            time.sleep(0.05)
        assert self.row(Bucket, id_).status.stored_bytes == size

    @property
    def world(self) -> World:
        return self.kernel.world

    def read(self) -> Any:
        return self.kernel.store.read()

    def write(self, run: Any) -> Any:
        return self.kernel.store.write(run).result()

    def person(self, *roles: str) -> Caller:
        """Somebody who holds roles on the project, without a row of their own."""
        id_ = new_id("pe", self.world)
        for role in roles:
            self.write(lambda tx, role=role: places.set_grant(tx, f"{id_}/{role}", id_, role, self.project, None))
        return Caller(id=id_, name="/".join(roles))

    def row(self, kind: Any, id_: str) -> Any:
        return self.kernel.tables[kind].get(self.kernel.store.read(), id_)

    def s3(self, bucket: dict[str, Any], access: str = "read-write") -> Any:
        key = self.do(
            AccessKey, "create", f"{bucket['name']}-{access}", self.project, {"bucket": bucket["id"], "access": access}
        )
        return self.client(key["id"], key["secret"])

    def client(self, key: str, secret: str) -> Any:
        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
        session = boto3.Session(key, secret, region_name=self.engine.region)
        return session.client("s3", endpoint_url=self.engine.endpoint, config=config)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("city")
    engine = SeaweedFS(home / "objects")
    engine.start()
    kernel = installation.open_kernel(home, {"objects": engine})
    try:
        with founding(kernel) as founder:
            yield City(kernel, engine, founder)
    finally:
        kernel.store.close()
        engine.stop()
