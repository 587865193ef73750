"""One installation put together: the domains there are, their hot tables and collectors, and the drivers behind ports.

The only module that knows every domain. A new domain is added to `DOMAINS`, a driver of its own to `drivers`.
"""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudhall.domains import (
    documents,
    identity,
    market,
    notices,
    storage,
)
from cloudhall.domains.documents import attachments
from cloudhall.domains.identity import sessions
from cloudhall.domains.market import costs, opening, pricing
from cloudhall.domains.notices import deliveries, inbox, outbox
from cloudhall.domains.storage import stored, usage
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.store.revisions import Revision
from cloudhall.kernel.world import World

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

DOMAINS = (
    identity.DOMAIN,
    storage.DOMAIN,
    market.DOMAIN,
    notices.DOMAIN,
    documents.DOMAIN,
)
SCHEMAS = (
    *identity.SCHEMAS,
    stored.SCHEMA,
    usage.SCHEMA,
    deliveries.SCHEMA,
    inbox.SCHEMA,
    outbox.SCHEMA,
    attachments.SCHEMA,
)
REVISIONS = (Revision(2, sessions.keep_sessions),)
"""What became of tables of older releases, in order; the last number is `SCHEMA_VERSION`."""
COLLECTORS = usage.COLLECTORS
DATABASE = "CLOUDHALL_DATABASE"
"""Variable that names a PostgreSQL database; without it rows lie in the home folder. Keys and objects always do."""


def build_registry() -> Registry:
    """Every kind of this release, checked. Light: the command line does it at each start."""
    return Registry(DOMAINS)


def drivers(home: Path) -> dict[str, Any]:
    """What stands behind each port. Making one starts nothing; the server starts and stops the object engine."""
    from cloudhall.drivers.mail import smtp
    from cloudhall.drivers.objects import s3
    from cloudhall.drivers.objects.seaweedfs import SeaweedFS

    return {
        "mail": smtp.from_environment(),
        "objects": s3.from_environment() or SeaweedFS(home / "objects"),
    }


def open_kernel(home: Path, drivers: Mapping[str, Any], world: World | None = None) -> "Kernel":
    """Open the kernel of the installation in `home` over engines that run; nothing is started yet."""
    from cloudhall.domains.documents import attaching
    from cloudhall.domains.notices import dispatch, mailing, telling
    from cloudhall.kernel import archive, witnesses
    from cloudhall.kernel import bin as bin_
    from cloudhall.kernel.kernel import Kernel

    kernel = Kernel(
        build_registry(),
        home,
        world=world,
        drivers=drivers,
        schemas=SCHEMAS,
        revisions=REVISIONS,
        collectors=COLLECTORS if drivers else (),
        database=os.environ.get(DATABASE, ""),
    )
    identity.factors.rule()  # misspelt, it must not mean that there is none
    kernel.pricing = functools.partial(pricing.price, kernel)
    kernel.costs = functools.partial(costs.cost_to_date, kernel)
    kernel.history.limits = archive.limits_from_environment()
    kernel.witnesses = witnesses.from_environment()
    kernel.bin_days = bin_.days_from_environment()
    webhooks, teller = dispatch.from_environment(kernel), telling.Teller(kernel)
    kernel.chores = (
        (opening.OPEN_EVERY_S, "open-statements", lambda: opening.open_statements(kernel)),
        (dispatch.EVERY_S, "webhooks", webhooks.turn),
        (dispatch.TRIM_EVERY_S, "trim-deliveries", webhooks.trim),
        (telling.EVERY_S, "notices", teller.turn),
        (telling.ENDINGS_EVERY_S, "roles-ending", teller.tell_endings),
        (mailing.EVERY_S, "mails", lambda: mailing.send_due(kernel)),
        (attaching.EVERY_S, "documents", lambda: attaching.follow(kernel)),
        (attaching.SWEEP_EVERY_S, "sweep-documents", lambda: attaching.sweep(kernel)),
    )
    return kernel
