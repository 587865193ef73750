"""The wheel holds every file of the package: templates, static files, catalogues and data, not modules alone."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.layout.rules import tracked_files

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"


def test_the_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    build = [str(Path(sys.executable).with_name("uv-build")), "build-wheel", str(tmp_path)]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / built.stdout.strip().splitlines()[-1]) as wheel:
        inside = {name for name in wheel.namelist() if name.startswith("cloudhall/")}
        beside = {Path(name).name for name in wheel.namelist()}
    package = {str(path.relative_to(SOURCE)) for path in tracked_files(ROOT) if path.is_relative_to(SOURCE)}
    assert package - inside == set()
    assert {"LICENSE", "NOTICE", "entry_points.txt"} <= beside
