"""What can go wrong behind the port, said alike by every driver, and what an engine lacks, in people's words."""

from collections.abc import Iterable

from cloudhall.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from cloudhall.kernel.text import T

_LACKED = {
    "set_identities": T("访问密钥由其运营者发放", "access keys come from whoever runs it"),
    "set_quota_bytes": T("写满的存储桶仍可写入", "a full bucket keeps the right to write"),
    "counters": T("请求和流量不计量", "requests and traffic are not metered"),
    "changes": T("存储量不计量", "stored bytes are not metered"),
    "buckets": T("不核对多出或丢失的存储桶", "buckets too many or lost are not looked for"),
}
"""By method of the port; those that only serve another one are missing."""


def lacked(methods: Iterable[str]) -> T:
    """What people will miss at an engine that lacks these methods; empty where it lacks none."""
    texts = [text for method, text in _LACKED.items() if method in methods]
    return T("；".join(text.zh for text in texts), "; ".join(text.en for text in texts))


def not_answering(why: object) -> Unavailable:
    """The engine is down, starting or overloaded."""
    return Unavailable(
        T("对象存储没有应答：{why}", "The object store does not answer: {why}").format(why=why), reason="engine_silent"
    )


def no_room(path: object) -> Unavailable:
    """The engine's disk is full."""
    return Unavailable(
        T("对象存储的磁盘已满，不能写入 {path}", "The object store's disk is full: {path}").format(path=path),
        mend=T("清理磁盘；有空间后自行恢复", "Free some room; all goes on by itself when there is"),
        reason="DISK_FULL",
    )


def lacking(method: str) -> Unavailable:
    """The engine has no words for it; see `Objects.lacks`."""
    return Unavailable(
        T("外部 S3 没有此功能：{method}", "An external S3 cannot do this: {method}").format(method=method),
        mend=T(
            "在该存储自己的管理界面中设置，或使用内置引擎",
            "Set it in that store's own console, or use the embedded engine",
        ),
        reason="lacking",
    )


def no_bucket(bucket: str) -> NotFound:
    """The bucket is not there."""
    return NotFound(T("没有桶 {bucket}", "There is no bucket {bucket}").format(bucket=bucket))


def not_empty(bucket: str) -> Conflict:
    """The bucket holds something still."""
    return Conflict(
        T("桶 {bucket} 不为空", "Bucket {bucket} is not empty").format(bucket=bucket),
        mend=T(
            "先删除其中的对象、历史版本和未完成的分段上传",
            "Delete its objects, versions and unfinished multipart uploads first",
        ),
        reason="bucket_not_empty",
    )


def retained(bucket: str, versions: int) -> Conflict:
    """The engine lets none of these versions go."""
    return Conflict(
        T("桶 {bucket} 中有 {n} 个版本被引擎保护", "{n} versions in bucket {bucket} are protected").format(
            bucket=bucket, n=versions
        ),
        mend=T("等保留期满，或解除依法保全", "Wait until their retention ends, or lift the legal hold"),
        reason="retained",
    )


def taken(bucket: str) -> Conflict:
    """The name is another customer's, at an S3 that others use too."""
    return Conflict(
        T("桶名 {bucket} 已被他人使用", "The name {bucket} belongs to somebody else").format(bucket=bucket),
        mend=T("换一个名称", "Choose another name"),
        reason="bucket_taken",
    )


def bad_name(bucket: str) -> Invalid:
    """S3 does not allow the name."""
    return Invalid(
        T("桶名 {bucket} 不合规范", "S3 does not allow the name {bucket}").format(bucket=bucket),
        mend=T("3-63 个小写字母、数字或连字符", "Use 3 to 63 lower-case letters, digits or hyphens"),
    )


def no_object(key: str) -> NotFound:
    """No such object, or no such version of it."""
    return NotFound(T(f"没有对象 {key}", f"There is no object {key}"), reason="NO_OBJECT")


def no_upload(key: str) -> NotFound:
    """The upload was completed or given up, or lacks parts that it is said to have."""
    return NotFound(
        T(f"{key} 的上传已结束，或缺少分片", f"The upload of {key} has ended, or lacks parts"),
        mend=T("重新上传这个文件", "Upload the file again"),
        reason="NO_UPLOAD",
    )


def wrong_sum(key: str) -> Invalid:
    """What arrived is not what was sent."""
    return Invalid(
        T(f"{key} 的校验和不符，没有写入", f"The checksum of {key} does not match; nothing was written"),
        mend=T("再传一次", "Send it again"),
        reason="CHECKSUM",
    )


def bad_key(key: str) -> Invalid:
    """The engine takes no such name, or no such version or position."""
    return Invalid(
        T(f"引擎不接受对象名 {key} 或其版本", f"The engine takes no object {key}, or no such version of it"),
        mend=T("换一个较短、不含特殊字符的名称", "Use a shorter name without special characters"),
        reason="KEY",
    )


def no_range(key: str) -> Invalid:
    """The object is shorter than what was asked for."""
    return Invalid(T(f"{key} 没有这一段", f"{key} has no such range"), reason="RANGE")
