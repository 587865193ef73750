"""A browser without scripts and without a window: it follows links and fills in the forms that a page really has."""

from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urlsplit

from starlette.testclient import TestClient

Button = dict[str, str]


class Form:
    """One form of a page with what it holds before anybody types."""

    def __init__(self, action: str, method: str) -> None:
        """Nothing is in it yet."""
        self.action, self.method = action, method
        self.fields: dict[str, list[str]] = {}
        self.names: set[str] = set()
        self.buttons: list[Button] = []

    def hold(self, tag: str, given: dict[str, str]) -> None:
        """Take a control as HTML 4.10.21.4 would send it."""
        name, kind = given.get("name", ""), given.get("type", "")
        if tag == "button":
            self.buttons.append(given | {"text": ""})
        if tag == "button" or not name or "disabled" in given:
            return
        self.names.add(name)
        ticked = kind not in {"radio", "checkbox"} or "checked" in given
        if tag == "input" and ticked:
            self.fields.setdefault(name, []).append(given.get("value", "on" if kind == "checkbox" else ""))

    def says(self) -> set[str]:
        """Every value that it would send, however it is sent."""
        return {b.get("value", "") for b in self.buttons} | {v for values in self.fields.values() for v in values}

    def data(self, button: Button, typed: dict[str, str | list[str]]) -> dict[str, Any]:
        """Fields as they are sent by a button; typing into a field that is not there is the test's mistake."""
        strange = typed.keys() - self.names
        assert not strange, f"{self.action} has no {strange}, but {sorted(self.names)}"
        pressed = {button["name"]: button.get("value", "")} if button.get("name") else {}
        return {**self.fields, **typed, **pressed}


class Page(HTMLParser):
    """Links and forms of a page."""

    def __init__(self, html: str) -> None:
        """Read it."""
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._inside: Form | None = None
        self._button: Button | None = None
        self._select = self._area = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.links += [given[name] for name in ("href", "hx-get") if tag != "link" and given.get(name)]
        if tag == "form":
            self._inside = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._inside)
        elif self._inside and tag in {"input", "select", "textarea", "button"}:
            self._inside.hold(tag, given)
            self._button = self._inside.buttons[-1] if tag == "button" else None
            self._select = given.get("name", "") if tag == "select" else ""
            self._area = given.get("name", "") if tag == "textarea" else ""
            if self._area:
                self._inside.fields[self._area] = [""]
        elif self._inside and tag == "option" and self._select:
            chosen = self._inside.fields.setdefault(self._select, [given.get("value", "")])
            if "selected" in given:
                chosen[:] = [given.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        elif tag == "button":
            self._button = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._button["text"] += data
        if self._inside and self._area:
            self._inside.fields[self._area][0] += data.removeprefix("\n")


class Plain:
    """One visitor; `html`, `status` and `path` are those of the page that is open."""

    def __init__(self, client: TestClient) -> None:
        """`client` keeps the cookies and does not follow redirects by itself."""
        self.client = client
        self.html = self.path = ""
        self.status = 0
        self.headers: dict[str, str] = {}

    def open(self, path: str) -> Self:
        """Go to an address, and on to where it leads."""
        return self._show(path, self.client.get(path))

    def press(self, action: str, what: str = "", **typed: str | list[str]) -> Self:
        """Send the form for an address; `what`, a value in it, tells its button or the form; `__` is a dot."""
        forms = [f for f in Page(self.html).forms if f.action.endswith(action)]
        form = next((f for f in forms if not what or what in f.says()), None)
        assert form is not None, f"{self.path} has no form for {action} {what}"
        found = next((b for b in form.buttons if b.get("value") == what), form.buttons[0] if form.buttons else {})
        address = found.get("formaction", form.action).partition("#")[0]
        data = form.data(found, {name.replace("__", "."): value for name, value in typed.items()})
        return self._show(address, self.client.post(address, data=data))

    def _show(self, path: str, answer: Any) -> Self:
        if answer.is_redirect:
            there = urlsplit(answer.headers["location"])
            return self.open(f"{there.path}?{there.query}" if there.query else there.path)
        self.path, self.status, self.html = path, answer.status_code, answer.text
        self.headers = dict(answer.headers)
        return self
