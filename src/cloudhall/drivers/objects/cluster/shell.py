"""SeaweedFS's own maintenance commands, one run of `weed shell` at a time.

What a command prints is for the log: whether it did its work is read from the topology afterwards. The shell waits
without end for a master that does not answer or a lock that another holds, so it is killed when its time is over; the
lock of a killed one runs out by itself. Commands that change volumes need `lock` before and `unlock` after them, in the
same run, and most do nothing without `-apply`.
"""

import logging
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cloudhall.drivers.objects.cluster.parts import Part
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T

log = logging.getLogger("cloudhall.objects.weed")

FAILURES = ("error:", "unknown command:")


class Shell:
    """Runs commands as the cluster's administrator. One run at a time: they would wait for each other's lock."""

    def __init__(self, weed: Path, home: Path, environment: Mapping[str, str], masters: Sequence[Part]) -> None:
        self._command = [str(weed), "shell", f"-master={','.join(master.address for master in masters)}"]
        self._home = home
        self._environment = dict(environment)
        self._one = threading.Lock()

    def run(self, commands: Iterable[str], timeout_s: float) -> str:
        """Run commands under the cluster's lock; answers what they printed.

        `Unavailable` when one of them failed or all did not end in time; those before it may have done their work.
        """
        asked = list(commands)
        script = "\n".join(["lock", *asked, "unlock", ""])
        with self._one:
            try:
                done = subprocess.run(
                    self._command,
                    input=script,
                    env=self._environment,
                    cwd=self._home,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    timeout=timeout_s,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise _failed(asked, f"{timeout_s:.0f} s") from error
        log.info("%s: %s", "; ".join(asked), " | ".join(done.stdout.split("\n")))
        if wrong := [line for line in done.stdout.split("\n") if line.startswith(FAILURES)]:
            raise _failed(asked, " | ".join(wrong))
        return done.stdout


def _failed(commands: Sequence[str], why: str) -> Unavailable:
    return Unavailable(
        T("存储集群维护命令 {command} 未完成：{why}", "The cluster's command {command} did not complete: {why}").format(
            command="; ".join(commands), why=why
        ),
        mend=T("会自动重试；若一直如此，查看集群健康", "It is tried again; look at the cluster's health if it goes on"),
        reason="cluster_command",
    )
