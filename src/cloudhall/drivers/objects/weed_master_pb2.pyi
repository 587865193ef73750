# mypy: disallow-any-generics=False
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VolumeListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VolumeListResponse(_message.Message):
    __slots__ = ("topology_info", "volume_size_limit_mb")
    TOPOLOGY_INFO_FIELD_NUMBER: _ClassVar[int]
    VOLUME_SIZE_LIMIT_MB_FIELD_NUMBER: _ClassVar[int]
    topology_info: TopologyInfo
    volume_size_limit_mb: int
    def __init__(
        self, topology_info: _Optional[_Union[TopologyInfo, _Mapping]] = ..., volume_size_limit_mb: _Optional[int] = ...
    ) -> None: ...

class TopologyInfo(_message.Message):
    __slots__ = ("data_center_infos",)
    DATA_CENTER_INFOS_FIELD_NUMBER: _ClassVar[int]
    data_center_infos: _containers.RepeatedCompositeFieldContainer[DataCenterInfo]
    def __init__(self, data_center_infos: _Optional[_Iterable[_Union[DataCenterInfo, _Mapping]]] = ...) -> None: ...

class DataCenterInfo(_message.Message):
    __slots__ = ("id", "rack_infos")
    ID_FIELD_NUMBER: _ClassVar[int]
    RACK_INFOS_FIELD_NUMBER: _ClassVar[int]
    id: str
    rack_infos: _containers.RepeatedCompositeFieldContainer[RackInfo]
    def __init__(
        self, id: _Optional[str] = ..., rack_infos: _Optional[_Iterable[_Union[RackInfo, _Mapping]]] = ...
    ) -> None: ...

class RackInfo(_message.Message):
    __slots__ = ("id", "data_node_infos")
    ID_FIELD_NUMBER: _ClassVar[int]
    DATA_NODE_INFOS_FIELD_NUMBER: _ClassVar[int]
    id: str
    data_node_infos: _containers.RepeatedCompositeFieldContainer[DataNodeInfo]
    def __init__(
        self, id: _Optional[str] = ..., data_node_infos: _Optional[_Iterable[_Union[DataNodeInfo, _Mapping]]] = ...
    ) -> None: ...

class DataNodeInfo(_message.Message):
    __slots__ = ("id", "diskInfos")
    class DiskInfosEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: DiskInfo
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[DiskInfo, _Mapping]] = ...) -> None: ...

    ID_FIELD_NUMBER: _ClassVar[int]
    DISKINFOS_FIELD_NUMBER: _ClassVar[int]
    id: str
    diskInfos: _containers.MessageMap[str, DiskInfo]
    def __init__(self, id: _Optional[str] = ..., diskInfos: _Optional[_Mapping[str, DiskInfo]] = ...) -> None: ...

class DiskInfo(_message.Message):
    __slots__ = (
        "max_volume_count",
        "free_volume_count",
        "volume_infos",
        "ec_shard_infos",
        "disk_total_bytes",
        "disk_free_bytes",
    )
    MAX_VOLUME_COUNT_FIELD_NUMBER: _ClassVar[int]
    FREE_VOLUME_COUNT_FIELD_NUMBER: _ClassVar[int]
    VOLUME_INFOS_FIELD_NUMBER: _ClassVar[int]
    EC_SHARD_INFOS_FIELD_NUMBER: _ClassVar[int]
    DISK_TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_volume_count: int
    free_volume_count: int
    volume_infos: _containers.RepeatedCompositeFieldContainer[VolumeInformationMessage]
    ec_shard_infos: _containers.RepeatedCompositeFieldContainer[VolumeEcShardInformationMessage]
    disk_total_bytes: int
    disk_free_bytes: int
    def __init__(
        self,
        max_volume_count: _Optional[int] = ...,
        free_volume_count: _Optional[int] = ...,
        volume_infos: _Optional[_Iterable[_Union[VolumeInformationMessage, _Mapping]]] = ...,
        ec_shard_infos: _Optional[_Iterable[_Union[VolumeEcShardInformationMessage, _Mapping]]] = ...,
        disk_total_bytes: _Optional[int] = ...,
        disk_free_bytes: _Optional[int] = ...,
    ) -> None: ...

class VolumeInformationMessage(_message.Message):
    __slots__ = ("id", "size", "collection", "deleted_byte_count", "read_only", "replica_placement")
    ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    DELETED_BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    REPLICA_PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    id: int
    size: int
    collection: str
    deleted_byte_count: int
    read_only: bool
    replica_placement: int
    def __init__(
        self,
        id: _Optional[int] = ...,
        size: _Optional[int] = ...,
        collection: _Optional[str] = ...,
        deleted_byte_count: _Optional[int] = ...,
        read_only: _Optional[bool] = ...,
        replica_placement: _Optional[int] = ...,
    ) -> None: ...

class VolumeEcShardInformationMessage(_message.Message):
    __slots__ = ("id", "collection", "ec_index_bits", "shard_sizes")
    ID_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    EC_INDEX_BITS_FIELD_NUMBER: _ClassVar[int]
    SHARD_SIZES_FIELD_NUMBER: _ClassVar[int]
    id: int
    collection: str
    ec_index_bits: int
    shard_sizes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        id: _Optional[int] = ...,
        collection: _Optional[str] = ...,
        ec_index_bits: _Optional[int] = ...,
        shard_sizes: _Optional[_Iterable[int]] = ...,
    ) -> None: ...

class RaftListClusterServersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RaftListClusterServersResponse(_message.Message):
    __slots__ = ("cluster_servers",)
    class ClusterServers(_message.Message):
        __slots__ = ("id", "address", "suffrage", "isLeader")
        ID_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        SUFFRAGE_FIELD_NUMBER: _ClassVar[int]
        ISLEADER_FIELD_NUMBER: _ClassVar[int]
        id: str
        address: str
        suffrage: str
        isLeader: bool
        def __init__(
            self,
            id: _Optional[str] = ...,
            address: _Optional[str] = ...,
            suffrage: _Optional[str] = ...,
            isLeader: _Optional[bool] = ...,
        ) -> None: ...

    CLUSTER_SERVERS_FIELD_NUMBER: _ClassVar[int]
    cluster_servers: _containers.RepeatedCompositeFieldContainer[RaftListClusterServersResponse.ClusterServers]
    def __init__(
        self,
        cluster_servers: _Optional[_Iterable[_Union[RaftListClusterServersResponse.ClusterServers, _Mapping]]] = ...,
    ) -> None: ...
