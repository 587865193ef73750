"""Names behind ids: resources tell places and references by id, people want to read names.

What the caller may not see, and what is gone, stays without a name.
"""

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.params import Param
from cloudhall.api.sight import names_of
from cloudhall.kernel.text import T


async def names(call: Call) -> Response:
    """Answer the names that are known, by id. Cost: two look-ups by key an id."""
    ids = {id_.lower() for id_ in call.query["id"]}
    return reply({"names": await call.host.read(names_of, call.host.kernel, call.caller, ids)})


ENDPOINTS = (
    Endpoint(
        path="/names",
        name="names",
        title=T("编号对应的名称", "Names behind ids"),
        run=names,
        params=(
            Param(
                name="id",
                title=T("编号，可重复", "Id, may be repeated"),
                many=True,
                required=True,
                example="bk-2kfbgwvb0tj3pmym7",
            ),
        ),
    ),
)
