"""A server that is killed while it delivers: nothing is lost, nothing comes out of order, and doubles have one id."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable

from tests.e2e.api import Api
from tests.e2e.server import Server
from tests.kit.receiver import Received, receiving

PROJECT = "economic-monitoring"
BATCH = 4
WITHIN_S = 40


def test_kills_before_and_after_the_answer_lose_nothing(server: Callable[..., Server]) -> None:
    with receiving() as receiver:
        city = server(environ={"CLOUDHALL_WEBHOOK_NETWORKS": "127.0.0.0/8"})
        city.start()
        with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as api:
            spec = {"address": receiver.url, "kinds": ["identity.service_account"], "verbs": ["create"]}
            hook = api.post("webhooks", {"name": "bus", "organisation": PROJECT, "spec": spec}).ok()
        made: list[int] = []
        for round_, status in enumerate((0, 204)):
            ready, killed = threading.Event(), threading.Event()

            def kill(
                _: Received, ready: threading.Event = ready, killed: threading.Event = killed, status: int = status
            ) -> int:
                assert ready.wait(WITHIN_S)
                if not killed.is_set() and (status == 0 or len(set(receiver.ids())) > BATCH + 1):
                    os.kill(city.pid, signal.SIGKILL)
                    killed.set()
                    return status
                return 204

            receiver.answer = kill
            with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as api:
                made.extend(account(api, f"importer-{round_}-{n}") for n in range(BATCH))
            ready.set()
            assert killed.wait(WITHIN_S)
            city.kill()
            city.start()
            receiver.wait_for(lambda: len(set(receiver.ids())) == len(made), WITHIN_S)
        wanted = [f"{hook['id']}-{revision}" for revision in made]
        assert list(dict.fromkeys(receiver.ids())) == wanted
        assert len(receiver.ids()) > len(wanted), "the one that was not answered came again"
        with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as api:
            log = api.get("deliveries", webhook=hook["id"])["items"]
        assert [d["state"] for d in log] == ["delivered"] * len(made)


def account(api: Api, name: str) -> int:
    """Revision of a new service account."""
    spec = {"purpose": "tests"}
    return int(api.post("service-accounts", {"name": name, "project": PROJECT, "spec": spec}).ok()["revision"])
