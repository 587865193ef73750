"""What is installed is what the records say: dependencies with their reasons, licences as the wheels declare them."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NOTICE = (ROOT / "NOTICE").read_text("utf-8")
# As the classifiers and old licence fields of some wheels say it.
SPOKEN = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    # Says so in its licence file alone, or in a shorter word than the file.
    "cedarpy": "Apache-2.0",
    "BSD": "BSD-2-Clause",
    "hyperframe": "MIT",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}


LOCKED = re.findall(r"^([a-z0-9.-]+)==(?!.*'win32')", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
"""What a run installs where Cloudhall runs; a release that differs by Python stands there twice."""


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ;]", requirement)[0]


def licence_of(name: str) -> str:
    told = distribution(name).metadata.json
    classifiers = [c.rpartition(" :: ")[2] for c in told.get("classifier", []) if c.startswith("License ::")]
    said = str(told.get("license_expression") or told.get("license") or next(iter(classifiers), ""))
    return SPOKEN.get(name) or SPOKEN.get(said, said)


def test_every_direct_dependency_has_its_reason_and_no_other_has() -> None:
    page = (ROOT / "docs/decisions/dependencies.md").read_text("utf-8")
    reasoned = {
        name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)
    }
    groups = PROJECT["dependency-groups"]
    extras = [r for extra in PROJECT["project"]["optional-dependencies"].values() for r in extra]
    required = [*PROJECT["project"]["dependencies"], *extras, *groups["dev"], *groups["build"], *groups["tools"]]
    assert reasoned == {name_of(r) for r in required}


def test_notice_names_what_a_run_installs_with_the_licence_of_its_wheel() -> None:
    noticed = dict(re.findall(r"^  ([a-z0-9-]+) {2,}(\S.*?)(?: {2,}.*)?$", NOTICE, re.MULTILINE))
    assert noticed == {name: licence_of(name) for name in LOCKED}


def test_licences_are_ones_that_may_be_combined_with_ours() -> None:
    for name in LOCKED:
        assert not re.search(r"\bA?GPL|SSPL|BUSL|Proprietary", licence_of(name)), name


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert text.index("TERMS AND CONDITIONS") < text.index("END OF TERMS AND CONDITIONS") < text.index("APPENDIX")
    assert PROJECT["project"]["license"] == "Apache-2.0"
