"""Writes every lock anew: `make lock`. Pins that still fit stay; delete a lock first to take the newest of all.

A lock holds names, versions, markers and hashes, and no address: it must install from any index that carries PyPI's
files. It is resolved against the default index alone, because an extra index that mirrors some files of a release
would leave the other files' hashes out.
"""

import subprocess
import sys

import bootstrap

# The development set is resolved first, and the program's own must agree with it: one version a package.
COMPILED = (
    ("dev.lock", ("pyproject.toml", "--extra", "fast", "--group", "build", "--group", "dev")),
    ("requirements.lock", ("pyproject.toml", "--extra", "fast", "--group", "build", "--constraints", "dev.lock")),
    ("tools.lock", ("--group", "tools")),
    *((f"bench/peers/{peer}.lock", (f"bench/peers/{peer}.in",)) for peer in ("datasette", "openstack-placement")),
)
PLAIN = ("--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet")
ONLY_SOME_FILES = ("UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY")


def main() -> None:
    """Compile each lock; the first that cannot be resolved ends the program with uv's words."""
    uv = bootstrap.find_uv()
    environ = {key: value for key, value in bootstrap.uv_environ().items() if key not in ONLY_SOME_FILES}
    for name, inputs in COMPILED:
        command = [uv, "pip", "compile", *PLAIN, *inputs, "--output-file", name]
        run = subprocess.run(command, cwd=bootstrap.ROOT, env=environ, stdout=subprocess.DEVNULL, check=False)
        if run.returncode:
            sys.exit(run.returncode)
        print(f"{name}: {bootstrap.package_count(bootstrap.ROOT / name)} packages")


if __name__ == "__main__":
    main()
