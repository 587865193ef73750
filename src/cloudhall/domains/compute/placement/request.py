"""What somebody asks for, and its row as the engine reads it.

A `Request` is what one machine needs, and is equal to another when the engine may treat both alike. What binds machines
to each other (spread, apart, together) is said of the group: `groups.Rule`.
"""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import profiles
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

PREFERRED_MAX = (1 << at.PENALTY_BITS) - 1
NumaMode = Literal["any", "one", "both"]
NUMA_MODES: tuple[NumaMode, ...] = ("any", "one", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One machine or task. Cores in thousandths, memory in MiB; `gpu_milli` of each of `gpus` graphics processors.

    `cores_milli` are whole cores of one's own, `cpu_milli` are shared ones. `numa`: on one node, on both in equal
    halves, or whichever fits. `owner` above 0 asks for hosts that this owner alone uses. `gpu_models` is any of.
    """

    cpu_milli: int = 0
    memory_mib: int = 0
    cores_milli: int = 0
    gpus: int = 0
    gpu_milli: int = 1000
    gpu_models: tuple[str, ...] = ()
    numa: NumaMode = "any"
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    owner: int = 0
    profile: str = "pack"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and not 0 <= value < 1 << 31:
                raise Invalid(
                    T(f"{field.name} 不能是 {value}", f"{field.name} cannot be {value}"),
                    mend=T("从 0 到 2^31-1", "0 to 2^31-1"),
                )
        if self.gpus > at.GPUS_MAX or (self.gpus and not 1 <= self.gpu_milli <= 1000):
            raise Invalid(
                T(
                    f"{self.gpus} 个图形处理器各 {self.gpu_milli} 千分之一",
                    f"{self.gpus} graphics processors of {self.gpu_milli} thousandths",
                ),
                mend=T(f"最多 {at.GPUS_MAX} 个，各 1 到 1000", f"at most {at.GPUS_MAX}, 1 to 1000 of each"),
            )
        if self.profile not in profiles.NAMES or self.numa not in NUMA_MODES or len(self.preferred) > PREFERRED_MAX:
            raise Invalid(
                T("profile、numa 或 preferred 有误", "profile, numa or preferred is wrong"),
                mend=T(
                    f"{'、'.join(profiles.NAMES)}；{'、'.join(NUMA_MODES)}；最多 {PREFERRED_MAX} 个",
                    f"{', '.join(profiles.NAMES)}; {', '.join(NUMA_MODES)}; at most {PREFERRED_MAX}",
                ),
            )


def class_row(request: Request, labels: Labels) -> Ints:
    """Row of `columns` for a request. `Invalid` where a label is unknown or both required and forbidden."""
    required = labels.bits(request.required)
    forbidden = labels.bits(request.forbidden)
    if request.gpu_models:
        forbidden |= labels.models() & ~labels.bits(f"gpu={model}" for model in request.gpu_models)
    if required & forbidden:
        both = ", ".join(labels.names(required & forbidden))
        raise Invalid(T(f"标签 {both} 既要求又禁止", f"label {both} is both required and forbidden"))
    row = np.zeros(at.CLASS_COLUMNS, np.int64)
    row[[at.CPU, at.MEM, at.CORES]] = request.cpu_milli, request.memory_mib, request.cores_milli
    row[at.MASK] = at.DRAINED | at.FAILED | required | forbidden | labels.closed()
    row[at.WANT] = required
    row[at.NEED_OWNER], row[at.PREFER] = request.owner, labels.bits(request.preferred)
    row[at.NUMA] = NUMA_MODES.index(request.numa)
    row[at.NEED_GPUS], row[at.GPU_MILLI] = request.gpus, request.gpu_milli if request.gpus else 0
    row[at.PROFILE] = profiles.NAMES.index(request.profile)
    row[at.PLAIN] = not (request.gpus or request.owner) and request.profile in profiles.OF_HOT
    row[at.SLOT] = -1
    return row
