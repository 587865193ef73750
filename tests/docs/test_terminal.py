"""The comparison of pages with runs finds what differs and overlooks what must."""

from pathlib import Path

import pytest

from tests.docs.terminal import Terminal, alike, steps_of

PAGE = """\
```sh
not run
```

```console
$ echo a
a
$ cat <<'X'
> b
> X
b
```

<!-- repeat -->
```console
$ true
```
"""


def test_commands_are_taken_with_what_they_print() -> None:
    steps = steps_of(PAGE)
    assert [(s.block, s.repeat, s.command, s.printed) for s in steps] == [
        (0, False, "echo a", "a"),
        (0, False, "cat <<'X'\nb\nX", "b"),
        (1, True, "true", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ("id  bk-2kfbmd78prptwbppf", "id      bk-2kfbmf5511akn6j7h"),
        ("at 2026-11-22 13:32:15 +00, 2026-11", "at 2027-01-02 03:04:05 +08, 2027-01"),
        ("http://127.0.0.1:8800", "http://127.0.0.1:40123"),
        ("one\n…\nfour", "one\ntwo\nthree\nfour"),
        ("one\n…", "one\ntwo\n"),
        ("… 5 GiB", "Quota 5 GiB"),
    ],
)
def test_what_must_differ_may(wanted: str, seen: str) -> None:
    assert alike(wanted, seen)


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [("a", "b"), ("a", "a\nb"), ("one\n…\nfour", "one\ntwo"), ("5 GiB", "50 GiB"), ("a.c", "abc"), ("", "error")],
)
def test_what_must_not_differ_may_not(wanted: str, seen: str) -> None:
    assert not alike(wanted, seen)


def test_a_terminal_keeps_its_variables_and_tells_exit_codes(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"PATH": "/usr/bin:/bin"})
    assert terminal.run("export A=1") == ("", 0)
    assert terminal.run("echo $A; pwd; test -t 1 && echo terminal") == (f"1\n{tmp_path}\nterminal\n", 0)
    assert terminal.run(r"printf 'half\rwhole\n'") == ("whole\n", 0)
    assert terminal.run("false") == ("", 1)
    assert terminal.run("echo $?") == ("1\n", 0)
    assert terminal.run("cat") == ("", 0)
    terminal.close()
