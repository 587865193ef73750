"""Rules of storage, pure: bucket names, when a bucket is full, what a key may do."""

import re
from collections.abc import Iterable

from cloudhall.drivers.objects import Right
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.text import T

GIB = 1024**3
# Amazon S3, "Bucket naming rules": 3 to 63 characters, no two dots side by side, not an IPv4 address.
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+")
NET_PERCENT = 110  # the engine's own limit counts late and compressed bytes; it only catches what our controller missed


def name_problems(name: str) -> Iterable[Problem]:
    """What S3 clients would refuse in a bucket's name."""
    if not NAME.fullmatch(name) or ".." in name or IPV4.fullmatch(name):
        text = T(
            "存储桶名为 3 到 63 个小写字母、数字、点或连字符，不能有连续的点，也不能是 IP 地址",
            "A bucket name has 3 to 63 lower-case letters, digits, dots or hyphens, no two dots together, no IP",
        )
        yield Problem("PATTERN", "/name", text, T("例如 enterprise-energy", "For example enterprise-energy"))


def is_full(stored_bytes: int, quota_gib: int) -> bool:
    """Whether the right to write is withdrawn. Overshoot: what arrives within the stream delay, ~2 s."""
    return stored_bytes >= quota_gib * GIB


def net_bytes(quota_gib: int) -> int:
    """Return the engine's own limit for a bucket of this quota."""
    return quota_gib * GIB * NET_PERCENT // 100


def rights(*, read_only: bool, full: bool) -> frozenset[Right]:
    """What a key may do in its bucket. A full bucket can still be read, listed and, through `empty`, cleared."""
    allowed: set[Right] = {"read", "list"}
    if not read_only and not full:
        allowed.add("write")
    return frozenset(allowed)
