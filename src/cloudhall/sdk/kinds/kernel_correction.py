"""Correction · 用量更正. Written by `make docs` from the declaration of kernel.correction."""

from collections.abc import Sequence
from typing import ClassVar, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource


class CorrectionSpec(TypedDict):
    """What people decided."""

    reading: str
    """Reading · 读数 · source/source id · 来源/来源编号"""
    quantity_micro: int | None
    """Should be · 应为 · millionths of the meter's unit · 计量单位的百万分之一"""
    refused: str
    """Take the other body · 采用另一种说法 · id of a contradiction, taken whole · 矛盾读数的编号，整条采用"""
    reason: str
    """Reason · 理由"""


class CorrectionStatus(TypedDict):
    """What the program found out."""

    meter: str
    """Meter · 计量项"""
    target: str
    """Resource · 资源"""
    old_micro: int
    """Counted before · 原为 · millionths · 百万分之一"""
    new_micro: int
    """Counts now · 改为 · millionths · 百万分之一"""
    by: str
    """By · 更正人"""
    since_us: int
    """Since · 生效于"""


class Correction(Resource):
    """Correction · 用量更正."""

    project: str
    spec: CorrectionSpec
    status: CorrectionStatus


class CorrectionWhere(TypedDict, total=False):
    """What a list of corrections is filtered by."""

    reading: str | Sequence[str]


class CorrectionInput(TypedDict):
    """What a new one is made from."""

    reading: str
    """Reading · 读数 · source/source id · 来源/来源编号"""
    quantity_micro: NotRequired[int | None]
    """Should be · 应为 · millionths of the meter's unit · 计量单位的百万分之一"""
    refused: NotRequired[str]
    """Take the other body · 采用另一种说法 · id of a contradiction, taken whole · 矛盾读数的编号，整条采用"""
    reason: str
    """Reason · 理由"""


class Corrections(Reads[Correction, CorrectionWhere], Makes[Correction, CorrectionInput]):
    """Correction · 用量更正.

    Corrects a reading: the reading stays, a row reverses it and a row replaces it, with who, why, old, new and
    when.
    更正一次读数：原读数不动，另记一笔冲销和一笔替换，写明谁、为何、原值、新值、何时。
    """

    kind: ClassVar[str] = "kernel.correction"
    plural: ClassVar[str] = "corrections"
    scope: ClassVar[str] = "project"

    def retry(self, target: str, **how: Unpack[How]) -> Correction:
        """Retry now · 立即重试."""
        return cast("Correction", self._act(target, "retry", {}, how))
