"""Meters of storage, each with unit, method, precision and the test that holds it (SYS-118)."""

from cloudhall.kernel.metering import BYTE, MeterDef, define
from cloudhall.kernel.text import T

_GB = T("MB（10⁶ 字节）", "MB (10⁶ bytes)")
_EXACT = T("精确到字节；变更在 2 秒内可见", "exact to the byte; a change is seen within 2 s")
_COUNTED = T("精确；引擎被强行终止时为缺口", "exact; a gap where the engine was killed")
_FROM_STREAM = T("引擎的元数据变更流", "the engine's stream of metadata changes")
_FROM_COUNTERS = T("引擎按存储桶的请求计数器", "the engine's request counters by bucket")
_TIMES = T("次", "requests")
_MILLIONTH = T("百万分之一次", "a millionth of a request")

METERS = (
    define(
        MeterDef(
            key="storage.stored_bytes",
            title=T("存储量", "Stored"),
            unit=_GB,
            aggregation="level",
            scale=BYTE,
            precision=_EXACT,
            method=_FROM_STREAM,
            test="tests/domains/storage/test_usage.py::test_stored_bytes_are_exact",
        )
    ),
    define(
        MeterDef(
            key="storage.reserved_gib",
            title=T("预留容量", "Reserved"),
            unit=T("GiB", "GiB"),
            aggregation="level",
            scale=T("百万分之一 GiB", "a millionth of a GiB"),
            precision=T("精确到微秒", "exact to the microsecond"),
            method=T("存储桶配额的变更事件", "events that change a bucket's quota"),
            test="tests/kernel/test_levels.py",
        )
    ),
    define(
        MeterDef(
            key="storage.requests_a",
            title=T("写入与列举请求", "Write and list requests"),
            unit=_TIMES,
            aggregation="sum",
            scale=_MILLIONTH,
            precision=_COUNTED,
            method=_FROM_COUNTERS,
            test="tests/domains/storage/test_usage.py::test_requests_are_counted_once",
        )
    ),
    define(
        MeterDef(
            key="storage.requests_b",
            title=T("读取请求", "Read requests"),
            unit=_TIMES,
            aggregation="sum",
            scale=_MILLIONTH,
            precision=_COUNTED,
            method=_FROM_COUNTERS,
            test="tests/domains/storage/test_usage.py::test_requests_are_counted_once",
        )
    ),
    define(
        MeterDef(
            key="storage.sent_bytes",
            title=T("流出流量", "Traffic out"),
            unit=_GB,
            aggregation="sum",
            scale=BYTE,
            precision=_COUNTED,
            method=_FROM_COUNTERS,
            test="tests/domains/storage/test_usage.py::test_requests_are_counted_once",
        )
    ),
)
