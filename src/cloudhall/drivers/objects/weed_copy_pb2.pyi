from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TraverseBfsMetadataRequest(_message.Message):
    __slots__ = ("directory",)
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    directory: str
    def __init__(self, directory: _Optional[str] = ...) -> None: ...

class Listed(_message.Message):
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

class Told(_message.Message):
    __slots__ = ("directory", "event_notification", "ts_ns", "events")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    EVENT_NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    TS_NS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    directory: str
    event_notification: EventNotification
    ts_ns: int
    events: _containers.RepeatedCompositeFieldContainer[Told]
    def __init__(
        self,
        directory: _Optional[str] = ...,
        event_notification: _Optional[_Union[EventNotification, _Mapping]] = ...,
        ts_ns: _Optional[int] = ...,
        events: _Optional[_Iterable[_Union[Told, _Mapping]]] = ...,
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
    __slots__ = ("name", "is_directory", "chunks")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    is_directory: bool
    chunks: _containers.RepeatedCompositeFieldContainer[FileChunk]
    def __init__(
        self,
        name: _Optional[str] = ...,
        is_directory: _Optional[bool] = ...,
        chunks: _Optional[_Iterable[_Union[FileChunk, _Mapping]]] = ...,
    ) -> None: ...

class FileChunk(_message.Message):
    __slots__ = ("file_id", "size", "source_file_id", "fid", "source_fid", "is_chunk_manifest")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FILE_ID_FIELD_NUMBER: _ClassVar[int]
    FID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FID_FIELD_NUMBER: _ClassVar[int]
    IS_CHUNK_MANIFEST_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    size: int
    source_file_id: str
    fid: FileId
    source_fid: FileId
    is_chunk_manifest: bool
    def __init__(
        self,
        file_id: _Optional[str] = ...,
        size: _Optional[int] = ...,
        source_file_id: _Optional[str] = ...,
        fid: _Optional[_Union[FileId, _Mapping]] = ...,
        source_fid: _Optional[_Union[FileId, _Mapping]] = ...,
        is_chunk_manifest: _Optional[bool] = ...,
    ) -> None: ...

class FileId(_message.Message):
    __slots__ = ("volume_id", "file_key", "cookie")
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    FILE_KEY_FIELD_NUMBER: _ClassVar[int]
    COOKIE_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    file_key: int
    cookie: int
    def __init__(
        self, volume_id: _Optional[int] = ..., file_key: _Optional[int] = ..., cookie: _Optional[int] = ...
    ) -> None: ...

class FileChunkManifest(_message.Message):
    __slots__ = ("chunks",)
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    chunks: _containers.RepeatedCompositeFieldContainer[FileChunk]
    def __init__(self, chunks: _Optional[_Iterable[_Union[FileChunk, _Mapping]]] = ...) -> None: ...

class AssignVolumeRequest(_message.Message):
    __slots__ = ("count", "path")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    count: int
    path: str
    def __init__(self, count: _Optional[int] = ..., path: _Optional[str] = ...) -> None: ...

class AssignVolumeResponse(_message.Message):
    __slots__ = ("file_id", "auth", "error")
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    AUTH_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    auth: str
    error: str
    def __init__(
        self, file_id: _Optional[str] = ..., auth: _Optional[str] = ..., error: _Optional[str] = ...
    ) -> None: ...

class CreateEntryRequest(_message.Message):
    __slots__ = ("directory", "entry")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    directory: str
    entry: Entry
    def __init__(self, directory: _Optional[str] = ..., entry: _Optional[_Union[Entry, _Mapping]] = ...) -> None: ...

class CreateEntryResponse(_message.Message):
    __slots__ = ("error",)
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: str
    def __init__(self, error: _Optional[str] = ...) -> None: ...
