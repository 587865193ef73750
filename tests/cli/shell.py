"""Typing commands in a test."""

import json
from collections.abc import Mapping
from typing import Any

from click.testing import CliRunner, Result

from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.main import BUILT_IN, Root
from cloudhall.kernel.registry import Registry


class Shell:
    """Runs commands over the kinds of a registry; the environment says which server and who."""

    def __init__(self, registry: Registry) -> None:
        """Make the catalogue once."""
        self.catalogue = catalogue_of(registry, reserved=frozenset(BUILT_IN))

    def run(
        self, line: str, *more: str, code: int = 0, typed: str | None = None, env: Mapping[str, str] | None = None
    ) -> Result:
        """Type a line, with arguments that hold spaces after it; the exit code is part of what is promised."""
        words = [*line.split(), *more]
        result = CliRunner().invoke(Root(lambda: self.catalogue), words, input=typed, env=env)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def out(self, line: str, *more: str) -> str:
        """Return what went to standard output."""
        return self.run(line, *more).stdout

    def err(self, line: str, *more: str, code: int = 0) -> str:
        """Return what went to standard error."""
        return self.run(line, *more, code=code).stderr

    def json(self, line: str, *more: str) -> Any:
        """Return what `--json` printed."""
        return json.loads(self.out(f"{line} --json", *more))
