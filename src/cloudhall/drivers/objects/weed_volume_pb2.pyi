# mypy: disallow-any-generics=False
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VolumeScrubMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNKNOWN: _ClassVar[VolumeScrubMode]
    INDEX: _ClassVar[VolumeScrubMode]
    FULL: _ClassVar[VolumeScrubMode]
    LOCAL: _ClassVar[VolumeScrubMode]

UNKNOWN: VolumeScrubMode
INDEX: VolumeScrubMode
FULL: VolumeScrubMode
LOCAL: VolumeScrubMode

class VolumeCopyRequest(_message.Message):
    __slots__ = ("volume_id", "source_data_node")
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_DATA_NODE_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    source_data_node: str
    def __init__(self, volume_id: _Optional[int] = ..., source_data_node: _Optional[str] = ...) -> None: ...

class VolumeMarkReadonlyRequest(_message.Message):
    __slots__ = ("volume_id",)
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    def __init__(self, volume_id: _Optional[int] = ...) -> None: ...

class VolumeDeleteRequest(_message.Message):
    __slots__ = ("volume_id",)
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    def __init__(self, volume_id: _Optional[int] = ...) -> None: ...

class VolumeEcShardsCopyRequest(_message.Message):
    __slots__ = (
        "volume_id",
        "collection",
        "shard_ids",
        "copy_ecx_file",
        "source_data_node",
        "copy_ecj_file",
        "copy_vif_file",
    )
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    SHARD_IDS_FIELD_NUMBER: _ClassVar[int]
    COPY_ECX_FILE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_DATA_NODE_FIELD_NUMBER: _ClassVar[int]
    COPY_ECJ_FILE_FIELD_NUMBER: _ClassVar[int]
    COPY_VIF_FILE_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    collection: str
    shard_ids: _containers.RepeatedScalarFieldContainer[int]
    copy_ecx_file: bool
    source_data_node: str
    copy_ecj_file: bool
    copy_vif_file: bool
    def __init__(
        self,
        volume_id: _Optional[int] = ...,
        collection: _Optional[str] = ...,
        shard_ids: _Optional[_Iterable[int]] = ...,
        copy_ecx_file: _Optional[bool] = ...,
        source_data_node: _Optional[str] = ...,
        copy_ecj_file: _Optional[bool] = ...,
        copy_vif_file: _Optional[bool] = ...,
    ) -> None: ...

class VolumeEcShardsRequest(_message.Message):
    __slots__ = ("volume_id", "collection", "shard_ids")
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    SHARD_IDS_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    collection: str
    shard_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        volume_id: _Optional[int] = ...,
        collection: _Optional[str] = ...,
        shard_ids: _Optional[_Iterable[int]] = ...,
    ) -> None: ...

class VolumeEcShardsUnmountRequest(_message.Message):
    __slots__ = ("volume_id", "shard_ids")
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    SHARD_IDS_FIELD_NUMBER: _ClassVar[int]
    volume_id: int
    shard_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, volume_id: _Optional[int] = ..., shard_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class ScrubVolumeRequest(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: VolumeScrubMode
    def __init__(self, mode: _Optional[_Union[VolumeScrubMode, str]] = ...) -> None: ...

class ScrubVolumeResponse(_message.Message):
    __slots__ = ("total_volumes", "total_files", "broken_volume_ids", "details")
    TOTAL_VOLUMES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FILES_FIELD_NUMBER: _ClassVar[int]
    BROKEN_VOLUME_IDS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    total_volumes: int
    total_files: int
    broken_volume_ids: _containers.RepeatedScalarFieldContainer[int]
    details: _containers.RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        total_volumes: _Optional[int] = ...,
        total_files: _Optional[int] = ...,
        broken_volume_ids: _Optional[_Iterable[int]] = ...,
        details: _Optional[_Iterable[str]] = ...,
    ) -> None: ...

class ScrubEcVolumeRequest(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: VolumeScrubMode
    def __init__(self, mode: _Optional[_Union[VolumeScrubMode, str]] = ...) -> None: ...

class ScrubEcVolumeResponse(_message.Message):
    __slots__ = ("total_volumes", "total_files", "broken_volume_ids", "details")
    TOTAL_VOLUMES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FILES_FIELD_NUMBER: _ClassVar[int]
    BROKEN_VOLUME_IDS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    total_volumes: int
    total_files: int
    broken_volume_ids: _containers.RepeatedScalarFieldContainer[int]
    details: _containers.RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        total_volumes: _Optional[int] = ...,
        total_files: _Optional[int] = ...,
        broken_volume_ids: _Optional[_Iterable[int]] = ...,
        details: _Optional[_Iterable[str]] = ...,
    ) -> None: ...
