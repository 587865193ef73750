"""The recycle bin in a browser: found, restored, destroyed by name; a blocked deletion leads to what blocks it."""

from cloudhall.domains.identity.project import Project
from cloudhall.kernel.commands import Command
from tests.console.yard import ROOT, Visitor, Yard


def deleted(yard: Yard) -> tuple[Visitor, str]:
    """Somebody who has deleted a project, and its id."""
    command = Command(kind=Project, verb="create", name="zq-gone", place="bureau", spec={"title_zh": "会消失的"})
    id_ = str(yard.kernel.execute(ROOT, command).result().body["id"])
    visitor = yard.visitor("admina")
    assert "goes to the recycle bin" in visitor.open(f"/projects/{id_}")
    assert "recycle bin for 30 days" in visitor.open(f"/projects/{id_}:delete")
    visitor.send(f"/projects/{id_}:delete", name="zq-gone")
    assert visitor.location == "/bin?done=delete"
    return visitor, id_


def test_it_is_found_and_restored(yard: Yard) -> None:
    visitor, id_ = deleted(yard)
    html = visitor.open("/bin")
    assert "会消失的" in html
    assert 'href="/bin"' in visitor.open("/")
    assert "cloudhall bin list" in html
    visitor.open("/bin")
    visitor.send(f"/projects/{id_}:restore")
    assert visitor.location == f"/projects/{id_}?done=restore"
    assert "The recycle bin is empty" in visitor.open("/bin")


def test_it_is_destroyed_by_name_alone(yard: Yard) -> None:
    visitor, id_ = deleted(yard)
    assert "Nothing brings this back" in visitor.open(f"/projects/{id_}:purge")
    html = visitor.send(f"/projects/{id_}:purge", name="zq")
    assert "What was typed is not zq-gone" in html
    visitor.send(f"/projects/{id_}:purge", name="zq-gone")
    assert visitor.location == "/bin?done=purge"


def test_who_may_not_is_told_the_role(yard: Yard) -> None:
    deleted(yard)
    html = yard.visitor("vera").open("/bin")
    assert "会消失的" in html
    assert "Needs the role system administrator" in html
    assert ":restore" not in html


def test_a_blocked_deletion_leads_to_what_blocks_it(yard: Yard) -> None:
    yard.shed("zq-one")
    html = yard.visitor("admina").open(f"/projects/{yard.north}:delete")
    assert "What must go first" in html
    assert "zq-one" in html.partition("What must go first")[2]
