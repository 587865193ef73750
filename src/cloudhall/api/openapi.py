"""The interface described to machines: OpenAPI 3.1, from the registry and the endpoints as declared.

Cost: some ten milliseconds for a hundred kinds, once; the bytes are kept.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from cloudhall.api import batch, bulk, mutations
from cloudhall.api.bodies import ETAG_PATTERN, KEY_PATTERN
from cloudhall.api.endpoints import Endpoint
from cloudhall.api.filters import PLACE, Filters
from cloudhall.api.params import LANG, Param
from cloudhall.api.problems import MEDIA_TYPE
from cloudhall.api.schemas import TEXTS, Schema, described, in_one, struct_schema
from cloudhall.api.standing import EXPLAIN
from cloudhall.kernel.batches import ITEMS_MAX
from cloudhall.kernel.commands import NAME_PATTERN
from cloudhall.kernel.errors import tree
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import STATES

PREFIX = "/api/v1"
JSON = "application/json"
READING = (400, 401, 403, 404, 405, 409, 429, 500, 503)
SENDING = (413, 415)
CHANGING = (*READING, *SENDING, 412)
_TITLES = {
    "list": T("列出{zh}", "List {en}"),
    "create": T("创建{zh}", "Create {en}"),
    "get": T("查看{zh}", "Get {en}"),
    "explain": T("说明现状：{zh}", "Explain how it stands: {en}"),
    "update": T("修改{zh}", "Edit {en}"),
    "delete": T("删除{zh}", "Delete {en}"),
    "batch_create": T("一次创建多项：{zh}", "Create several at once: {en}"),
    "bulk_delete": T("删除筛选出的：{zh}", "Delete what a filter finds: {en}"),
    "bulk_label": T("给筛选出的加标签：{zh}", "Label what a filter finds: {en}"),
}
_MANY_STATUS = {"batch_create": 201, "bulk_delete": 202, "bulk_label": 200}
_BULK_BODIES = {"bulk_delete": "BulkDelete", "bulk_label": "BulkLabel"}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "名称或编号 · Name or id",
    "schema": {"type": "string"},
}


def document(registry: Registry, filters: Mapping[AnyKind, Filters], endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = re.sub(r":(int|path)}", "}", endpoint.path)
        paths.setdefault(f"{PREFIX}{path}", {})[endpoint.method.lower()] = _endpoint(endpoint, path)
    for kind in registry:
        for path, method, operation in _operations(kind, filters[kind]):
            paths.setdefault(f"{PREFIX}{path}", {})[method] = operation
    domains = [{"name": d.name, "description": in_one(d.title)} for d in registry.domains.values()]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cloudhall 云厅",
            "version": version("cloudhall"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": "cloudhall", "description": "云厅 · Cloudhall"}, *domains],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**_SHARED, **{n: s for kind in registry for n, s in _schemas(kind.meta).items()}},
            "responses": {f"Problem{s}": _problem(s) for s in sorted(CHANGING)},
            "headers": _HEADERS,
        },
    }


def _endpoint(endpoint: Endpoint, path: str) -> dict[str, Any]:
    named = re.findall(r"{(\w+)}", path)
    in_path = [{**_ID, "name": name, "description": name} for name in named]
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": in_one(endpoint.title),
        "description": endpoint.run.__doc__ or "",
        "tags": ["cloudhall"],
        "parameters": [*in_path, *map(_param, (*endpoint.params, LANG))],
        "responses": {
            str(endpoint.status): _success(endpoint.title, endpoint.media_type if endpoint.status != 204 else ""),
            **_problems((*READING, *SENDING) if endpoint.body or endpoint.method != "GET" else READING),
        },
    }
    if endpoint.public:
        operation["security"] = []
    if endpoint.body:
        operation["requestBody"] = _body(struct_schema(endpoint.body))
    if endpoint.takes_file:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": _FILE}}}
    return operation


def _operations(kind: AnyKind, filters: Filters) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every `(path, method, operation)` of a kind that its declaration allows somebody."""
    meta = kind.meta
    many, one = f"/{meta.plural}", f"/{meta.plural}/{{id}}"
    place = [PLACE[meta.scope]] if meta.scope in PLACE else []
    yield many, "get", _operation(meta, "list", filters.params, 200, f"{_name(meta)}List")
    yield one, "get", _operation(meta, "get", place, 200, _name(meta))
    yield f"{one}:{EXPLAIN}", "get", _operation(meta, EXPLAIN, place, 200, "Standing")
    methods = {"create": (many, "post"), "update": (one, "patch"), "delete": (one, "delete")}
    for verb, (path, method) in methods.items():
        if verb in meta.verbs:
            yield path, method, _change(meta, verb)
    for verb in meta.actions:
        yield f"{one}:{verb}", "post", _change(meta, verb)
    for verb, needed in mutations.MANY.items():
        if needed in meta.verbs:
            yield f"{many}:{verb}", "post", _many(meta, verb, needed, filters)


def _operation(meta: Meta, verb: str, params: Iterable[Param], status: int, schema: str) -> dict[str, Any]:
    action = meta.actions.get(verb)
    title = in_one(_TITLES[verb].format(zh=meta.title.zh, en=meta.title.en.lower()) if action is None else action.title)
    one = verb not in {"list", "create", *mutations.MANY}
    return {
        "operationId": f"{meta.name}_{verb}",
        "summary": title,
        "description": f"{meta.doc.zh}\n\n{meta.doc.en}",
        "tags": [meta.domain],
        "parameters": [*([_ID] if one else []), *map(_param, (*params, LANG))],
        "responses": {str(status): _success(meta.title, JSON, schema), **_problems(READING)},
        "x-operation": f"{meta.key}:{'read' if verb in {'list', 'get', EXPLAIN} else verb}",
    }


def _change(meta: Meta, verb: str) -> dict[str, Any]:
    """A create, update, delete or action: with the headers that make it safe to repeat."""
    status = {"create": 201, "delete": 202}.get(verb, 200)
    operation = _operation(meta, verb, mutations.params_of(meta, verb), status, _name(meta))
    operation["parameters"] += [_IDEMPOTENCY_KEY] + ([] if verb == "create" else [_IF_MATCH])
    success = operation["responses"][str(status)]
    success["headers"] = {h: {"$ref": f"#/components/headers/{h}"} for h in ("ETag", "Idempotency-Replayed")}
    success["content"][JSON]["schema"] = {"anyOf": [_ref(_name(meta)), _ref("Preview")]}
    if verb == "create":
        success["headers"]["Location"] = {"$ref": "#/components/headers/Location"}
    if status != 200:  # a dry run answers 200
        operation["responses"]["200"] = _success(T("预演", "Dry run"), JSON, "Preview")
    operation["responses"]["204"] = {"description": "等待期间已消失 · Gone while waiting"}
    operation["responses"] |= _problems(CHANGING)
    if verb in meta.actions:
        operation["requestBody"] = _body(struct_schema(meta.actions[verb].args), required=False)
    elif verb != "delete":
        operation["requestBody"] = _body(_ref(f"{_name(meta)}{'Create' if verb == 'create' else 'Patch'}"))
    return operation


def _many(meta: Meta, verb: str, needed: str, filters: Filters) -> dict[str, Any]:
    """A change of many: with its plan or dry run, and a status for each."""
    making, status = verb == "batch_create", _MANY_STATUS[verb]
    operation = _operation(meta, verb, batch.PARAMS if making else bulk.params_of(filters), status, "")
    operation["x-operation"] = f"{meta.key}:{needed}"
    operation["parameters"].append(_IDEMPOTENCY_KEY)
    replayed = {"Idempotency-Replayed": {"$ref": "#/components/headers/Idempotency-Replayed"}}
    results = [_ref(f"{_name(meta)}Results"), *([] if making else [_ref("BulkPlan")])]
    for code in {status, 200}:
        answer = _success(T("每项的结果", "What became of each"), JSON)
        answer["headers"] |= replayed
        answer["content"][JSON]["schema"] = {"anyOf": results} if code == 200 else results[0]
        operation["responses"][str(code)] = answer
    operation["responses"] |= _problems(SENDING)
    operation["requestBody"] = _body(_ref(f"{_name(meta)}Batch" if making else _BULK_BODIES[verb]), required=making)
    return operation


def _schemas(meta: Meta) -> dict[str, Schema]:
    name = _name(meta)
    spec = _ref(f"{name}Spec")
    status = struct_schema(meta.status, without=("conditions", "observed_generation"))
    place: Schema = {} if meta.scope == "platform" else {meta.scope: {"type": "string", "description": _PLACE}}
    example = _example(meta)
    create = _object({"name": _NAME, **place, "labels": _LABELS, "spec": spec}, required=_needed(meta))
    patch = struct_schema(meta.spec, partial=True)
    return {
        f"{name}Spec": {**described(meta.title, meta.doc), **struct_schema(meta.spec)},
        f"{name}Status": status,
        name: {
            "type": "object",
            "properties": {
                "id": {"type": "string", "examples": [f"{meta.prefix}-01j9x4c7m2q8k3v5n"]},
                "kind": {"const": meta.key},
                **({"secret": {"type": "string", "description": _SECRET}} if meta.secret else {}),
                "name": _NAME,
                **place,
                "labels": _LABELS,
                "spec": spec,
                "status": _ref(f"{name}Status"),
                **_COMMON,
            },
            "required": ["id", "kind", "name", "spec", "status", *_COMMON],
        },
        f"{name}Create": create | ({"examples": [example]} if example else {}),
        f"{name}Patch": _object({"name": _NAME, "labels": _LABEL_PATCH, "spec": patch}, required=[]),
        f"{name}List": _page(_ref(name)),
        f"{name}Batch": _object({"items": _some(_ref(f"{name}Create")), "atomic": _ATOMIC}, required=["items"]),
        f"{name}Results": _results(_ref(name)),
    }


def _some(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": ITEMS_MAX}


def _results(resource: Schema) -> Schema:
    """One result an item; of `resource`, `preview` and `problem` it has one."""
    told = {"resource": resource, "preview": _ref("Preview"), "problem": _ref("Problem")}
    named: Schema = {"id": {"type": "string"}, "name": {"type": "string"}}
    item = _object({"status": {"type": "integer"}, **named, **told}, required=["status", "name"])
    counts: Schema = {"done": {"type": "integer"}, "refused": {"type": "integer"}}
    return _object({"items": {"type": "array", "items": item}, **counts}, required=["items", *counts])


def _needed(meta: Meta) -> list[str]:
    place = [meta.scope] if mutations.needs_place(meta) else []
    spec = ["spec"] if any(i.required for i in fields_of(meta.spec).values()) else []
    return [*([] if meta.auto_name else ["name"]), *place, *spec]


def _example(meta: Meta) -> dict[str, Any]:
    place: dict[str, Any] = {} if meta.scope == "platform" else {meta.scope: "economic-monitoring"}
    return {**place, **meta.demo[0]} if meta.demo else {}


def _page(item: Schema) -> Schema:
    counts = _object({"value": {}, "count": {"type": "integer"}}, required=["value", "count"])
    properties: Schema = {
        "items": {"type": "array", "items": item},
        "revision": {"type": "integer", "description": "由此继续监视 · Watch on from here"},
        "next_page_token": {"type": "string"},
        "facets": {"type": "object", "additionalProperties": {"type": "array", "items": counts}},
    }
    return _object(properties, required=["items", "revision"])


def _param(param: Param) -> dict[str, Any]:
    schema = dict(_PARAM_SCHEMAS.get(param.shape, {"type": "string"}))
    if param.shape == "int":
        schema |= {"minimum": param.least, "maximum": param.most}
    if param.choices:
        schema["enum"] = list(param.choices)
    if param.many:
        schema = {"type": "array", "items": schema}
    wire = {
        "name": param.name,
        "in": "query",
        "required": param.required,
        "description": in_one(param.title),
        "schema": schema,
    }
    return wire if param.example is None else wire | {"example": param.example}


def _success(title: T, media_type: str, schema: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = {"description": in_one(title), "headers": {"Request-Id": _REQUEST_ID}}
    if media_type:
        content = _ref(schema) if schema else {"type": "object" if media_type == JSON else "string"}
        answer["content"] = {media_type: {"schema": content}}
    return answer


def _problems(statuses: Iterable[int]) -> dict[str, Any]:
    return {str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in statuses}


def _problem(status: int) -> dict[str, Any]:
    errors = [e for e in tree() if e.status == status]
    said = "; ".join(f"{e.code}: {in_one(e.title)}" for e in errors)
    return {
        "description": said,
        "headers": {"Request-Id": _REQUEST_ID},
        "content": {MEDIA_TYPE: {"schema": _ref("Problem")}},
    }


def _body(schema: Schema, *, required: bool = True) -> dict[str, Any]:
    return {"required": required, "content": {JSON: {"schema": schema}}}


def _object(properties: Schema, *, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _name(meta: Meta) -> str:
    return meta.name.title().replace("_", "")


_ABOUT = """云厅的接口。资源以名称或编号指明；错误为 RFC 9457，含中英文；金额以分计，字节以字节计，单价以纳元计。

The interface of Cloudhall. A resource is named by name or id; errors are RFC 9457 in both languages; amounts are in
fen, bytes in bytes, unit prices in nano-yuan, metered quantities in millionths of their unit; integers beyond 2^53 are
strings."""
_FILE = {"type": "string", "format": "binary"}
_PLACE = "所在项目或单位，名称或编号 · The place it lies in, by name or id"
_SECRET = "只在创建时出现一次 · Shown once, when it is made"  # noqa: S105  a description
_NAME: Schema = {"type": "string", "pattern": f"^(?:{NAME_PATTERN})$", "description": "名称 · Name"}
_LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_LABEL_PATCH: Schema = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
_ATOMIC: Schema = {"type": "boolean", "default": False, "description": "全部成功或全部不做 · All of them or none"}
_PLAN: Schema = {"type": "string", "description": "validate_only=true 所给的令牌 · Token that validate_only=true gave"}
_PARAM_SCHEMAS: Mapping[str, Schema] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "duration": {"type": "string", "pattern": "^[0-9]{1,6}(ms|s|m)?$"},
    "time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "重复发送得到第一次的回答，保留 24 小时 · Sent again, it gets the first answer; kept 24 h",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^(?:{KEY_PATTERN})$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "所见版本的 ETag；已被他人修改时答 412 并说明差异 · ETag of what was seen; 412 with the difference",
    "schema": {"type": "string", "pattern": f"^(?:{ETAG_PATTERN})$", "examples": ['"42"']},
}
_REQUEST_ID = {"$ref": "#/components/headers/Request-Id"}
_HEADERS = {
    "Request-Id": {"description": "请求号 · Id of the request", "schema": {"type": "string"}},
    "ETag": {"description": "版本 · Revision", "schema": {"type": "string"}},
    "Location": {"description": "新资源的地址 · Address of the new resource", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "这是第一次的回答 · This is the first answer again",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_COMMON: Schema = {
    "conditions": {"type": "array", "items": _ref("Condition")},
    "state": {"type": "string", "enum": list(STATES)},
    "generation": {"type": "integer"},
    "observed_generation": {"type": "integer"},
    "revision": {"type": "integer"},
    "created_at": {"type": "string", "format": "date-time"},
    "updated_at": {"type": "string", "format": "date-time"},
}
_SHARED: dict[str, Schema] = {
    "Texts": TEXTS,
    "Condition": {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "status": {"type": "boolean"},
            "reason": {"type": "string"},
            "message": _ref("Texts"),
            "reason_since": {"type": "string", "format": "date-time"},
            "observed_generation": {"type": "integer"},
            "since": {"type": "string", "format": "date-time"},
        },
        "required": ["type", "status", "since"],
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            **{
                n: {"type": "string"}
                for n in ("type", "title", "detail", "code", "reason", "how", "docs", "request_id")
            },
            "status": {"type": "integer"},
            "texts": {"type": "object", "additionalProperties": _ref("Texts")},
            "problems": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {n: {"type": "string"} for n in ("code", "pointer", "detail", "mend")},
                    "required": ["code", "pointer", "detail"],
                },
            },
            "blocking": {
                "type": "array",
                "description": "删除之前须先处理的，最多十项 · What must go before, ten of them at most",
                "items": {
                    "type": "object",
                    "properties": {n: {"type": "string"} for n in ("kind", "id", "name")},
                    "required": ["kind", "id", "name"],
                },
            },
            "blocking_count": {"type": "integer", "description": "共几项 · How many in all"},
        },
        "required": ["type", "title", "status", "detail", "code", "how", "docs", "request_id"],
    },
    "Standing": {
        "type": "object",
        "description": "等什么、等谁、试过什么、何时再试、怎样解除 · What it waits for, what was tried, what frees it",
        "properties": {
            **{n: {"type": "string"} for n in ("id", "kind", "name", "state", "reason")},
            "message": _ref("Texts"),
            **{n: {"type": "string", "format": "date-time"} for n in ("since", "deadline", "next_at")},
            "waits_for": {
                "type": "object",
                "properties": {"type": {"enum": ["resource", "engine", "people", "program"]}},
            },
            "frees": {"type": "array", "items": _ref("Texts")},
            "attempts": {"type": "object"},
            "because": {"$ref": "#/components/schemas/Standing"},
        },
        "required": ["id", "kind", "name", "state", "attempts"],
    },
    "BulkDelete": _object({"plan": _PLAN}, required=[]),
    "BulkLabel": _object({"labels": _LABEL_PATCH | {"minProperties": 1}, "plan": _PLAN}, required=["labels"]),
    "BulkPlan": {
        "type": "object",
        "description": "validate_only=true",
        "properties": {
            "plan": _PLAN,
            "operation": {"type": "string"},
            "items": {"type": "array", "items": {"type": "object"}},
            "done": {"type": "integer"},
            "refused": {"type": "integer"},
            "quota": {"type": "array", "items": {"type": "object"}},
            "price": {},
        },
        "required": ["plan", "operation", "items", "done", "refused"],
    },
    "Preview": {
        "type": "object",
        "description": "validate_only=true",
        "properties": {
            "allowed": {"const": True},
            "operation": {"type": "string"},
            "resource": {"type": "object"},
            "policies": {"type": "array", "items": {"type": "string"}},
            "quota": {"type": "array", "items": {"type": "object"}},
            "rates": {"type": "array", "items": {"type": "object"}},
            "price": {},
            "preview": {"type": "array", "items": _ref("Texts")},
            "goes_too": {"type": "array", "items": {"type": "object"}},
            "destroys": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["allowed", "operation", "resource", "quota", "rates", "preview", "goes_too"],
    },
}
