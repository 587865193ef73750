from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LookupDirectoryEntryRequest(_message.Message):
    __slots__ = ("directory", "name")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    directory: str
    name: str
    def __init__(self, directory: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class LookupDirectoryEntryResponse(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: Entry
    def __init__(self, entry: _Optional[_Union[Entry, _Mapping]] = ...) -> None: ...

class TraverseBfsMetadataRequest(_message.Message):
    __slots__ = ("directory",)
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    directory: str
    def __init__(self, directory: _Optional[str] = ...) -> None: ...

class TraverseBfsMetadataResponse(_message.Message):
    __slots__ = ("directory", "entry")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    directory: str
    entry: Entry
    def __init__(self, directory: _Optional[str] = ..., entry: _Optional[_Union[Entry, _Mapping]] = ...) -> None: ...

class SubscribeMetadataRequest(_message.Message):
    __slots__ = (
        "client_name",
        "path_prefix",
        "since_ns",
        "client_id",
        "until_ns",
        "client_supports_batching",
        "client_supports_idle_heartbeat",
    )
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_PREFIX_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SUPPORTS_BATCHING_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SUPPORTS_IDLE_HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    path_prefix: str
    since_ns: int
    client_id: int
    until_ns: int
    client_supports_batching: bool
    client_supports_idle_heartbeat: bool
    def __init__(
        self,
        client_name: _Optional[str] = ...,
        path_prefix: _Optional[str] = ...,
        since_ns: _Optional[int] = ...,
        client_id: _Optional[int] = ...,
        until_ns: _Optional[int] = ...,
        client_supports_batching: _Optional[bool] = ...,
        client_supports_idle_heartbeat: _Optional[bool] = ...,
    ) -> None: ...

class SubscribeMetadataResponse(_message.Message):
    __slots__ = ("directory", "event_notification", "ts_ns", "events")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    EVENT_NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    TS_NS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    directory: str
    event_notification: EventNotification
    ts_ns: int
    events: _containers.RepeatedCompositeFieldContainer[SubscribeMetadataResponse]
    def __init__(
        self,
        directory: _Optional[str] = ...,
        event_notification: _Optional[_Union[EventNotification, _Mapping]] = ...,
        ts_ns: _Optional[int] = ...,
        events: _Optional[_Iterable[_Union[SubscribeMetadataResponse, _Mapping]]] = ...,
    ) -> None: ...

class EventNotification(_message.Message):
    __slots__ = ("old_entry", "new_entry", "new_parent_path")
    OLD_ENTRY_FIELD_NUMBER: _ClassVar[int]
    NEW_ENTRY_FIELD_NUMBER: _ClassVar[int]
    NEW_PARENT_PATH_FIELD_NUMBER: _ClassVar[int]
    old_entry: Entry
    new_entry: Entry
    new_parent_path: str
    def __init__(
        self,
        old_entry: _Optional[_Union[Entry, _Mapping]] = ...,
        new_entry: _Optional[_Union[Entry, _Mapping]] = ...,
        new_parent_path: _Optional[str] = ...,
    ) -> None: ...

class Entry(_message.Message):
    __slots__ = ("name", "is_directory", "attributes", "extended", "content", "quota")
    class ExtendedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    EXTENDED_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    name: str
    is_directory: bool
    attributes: FuseAttributes
    extended: _containers.ScalarMap[str, bytes]
    content: bytes
    quota: int
    def __init__(
        self,
        name: _Optional[str] = ...,
        is_directory: _Optional[bool] = ...,
        attributes: _Optional[_Union[FuseAttributes, _Mapping]] = ...,
        extended: _Optional[_Mapping[str, bytes]] = ...,
        content: _Optional[bytes] = ...,
        quota: _Optional[int] = ...,
    ) -> None: ...

class FuseAttributes(_message.Message):
    __slots__ = ("file_size",)
    FILE_SIZE_FIELD_NUMBER: _ClassVar[int]
    file_size: int
    def __init__(self, file_size: _Optional[int] = ...) -> None: ...

class BucketMetadata(_message.Message):
    __slots__ = ("tags",)
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

    TAGS_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.ScalarMap[str, str]
    def __init__(self, tags: _Optional[_Mapping[str, str]] = ...) -> None: ...
