"""A person's page shows by what they were verified, to whoever may see it."""

import pytest

from cloudhall.domains.identity.real_name_verification import RealNameVerification
from cloudhall.kernel.commands import Command
from tests.console.yard import ROOT, Yard


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Real name", "Document looked at", "Holds", "Withdrawn", "Not checked against the source")),
        ("zh", ("实名", "核对证件", "有效", "已撤销", "未核对原文")),
    ],
)
def test_the_history_stands_there_with_what_holds_now(yard: Yard, language: str, said: tuple[str, ...]) -> None:
    stan = yard.people["stan"]
    made = {}
    for evidence in ("file 17", "file 18"):
        spec = {"person": stan, "level": "document", "method": "document_copy", "evidence": evidence}
        command = Command(kind=RealNameVerification, verb="create", place=yard.bureau, spec=spec)
        made = yard.kernel.execute(ROOT, command).result().body
    withdraw = Command(kind=RealNameVerification, verb="withdraw", target=made["id"], args={"reason": "lost"})
    yard.kernel.execute(ROOT, withdraw).result()
    for who in ("stan", "admina"):
        page = yard.visitor(who, language).open(f"/people/{stan}")
        for text in (*said, "file 17", "file 18"):
            assert text in page, text
    assert "file 17" not in yard.visitor("vera", language).open(f"/people/{stan}")
