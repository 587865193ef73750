"""`python -m cloudhall.domains.compute.placement replay|explain|plan …`: the commands without the rest of Cloudhall.

`cloudhall placement …` is the same thing with help pages in both languages.
"""

import argparse
import json
import os
import sys
from typing import Any

from cloudhall.domains.compute.placement.commands import VERBS, Flag, Progress, Verb
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.text import Language, T

FAILED = 1
WHOLE = 100
VARIABLES = ("CLOUDHALL_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
TEXT = T("放置：一台机器在哪台主机上运行。", "Placement: on which host a machine runs.")
JSON = T("输出 JSON", "Print JSON")


def main(arguments: list[str]) -> int:
    """Run one command; answers the exit code."""
    language = _language()
    given = vars(_parser(language).parse_args(arguments))
    verb = next(verb for verb in VERBS if verb.name == given["verb"])
    try:
        answer = verb.run(given, language, _progress())
    except CloudhallError as error:
        sys.stderr.write(f"{error.code}: {error.text.in_(language)}\n{error.how.in_(language)}\n")
        return FAILED
    said = json.dumps(answer.data, ensure_ascii=False) if given["json"] else "\n".join(answer.lines)
    sys.stdout.write(f"{said}\n")
    sys.stderr.writelines(f"{remark.in_(language)}\n" for remark in answer.remarks)
    return 0


def _parser(language: Language) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cloudhall.domains.compute.placement", description=TEXT.in_(language)
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in VERBS:
        _add(
            verbs.add_parser(verb.name, help=verb.text.in_(language), description=verb.text.in_(language)),
            verb,
            language,
        )
    return parser


def _add(parser: argparse.ArgumentParser, verb: Verb, language: Language) -> None:
    if verb.words:
        meaning = "; ".join(f"{word}: {text.in_(language)}" for word, text in verb.words.items())
        parser.add_argument("kind", choices=tuple(verb.words), help=meaning)
    for flag in verb.flags:
        parser.add_argument(f"--{flag.name}", help=flag.text.in_(language), **_rules(flag))
    parser.add_argument("--json", action="store_true", help=JSON.in_(language))


def _rules(flag: Flag) -> dict[str, Any]:
    if flag.kind == "switch":
        return {"action": "store_true"}
    rules: dict[str, Any] = {"default": flag.default, "required": flag.required}
    if flag.metavar:
        rules["metavar"] = flag.metavar
    return rules | ({"type": int} if flag.kind == "number" else {})


def _language() -> Language:
    locale = next((value for name in VARIABLES if (value := os.environ.get(name))), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def _progress() -> Progress:
    """One line on a terminal that rewrites itself; in a pipe, nothing."""
    shown = -1

    def told(done: int, of: int) -> None:
        nonlocal shown
        percent = WHOLE * done // max(of, 1)
        if percent != shown:
            shown = percent
            sys.stderr.write(f"\r{percent:>3} %\r" if percent < WHOLE else "\r     \r")
            sys.stderr.flush()

    return told if sys.stderr.isatty() else lambda _done, _of: None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
