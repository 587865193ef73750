"""The witness over HTTP: one address to ask for a signature, one to read what was signed last."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudhall.witness.judging import Answer, Witness

BODY_BYTES_MAX = 65_536  # 63 hashes and a checkpoint with 16 signatures of 5 kB are less, by far


def app_of(witness: Witness) -> Starlette:
    """Make the application."""

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                return _response(Answer(413, "too large\n"))
        return _response(await run_in_threadpool(witness.add_checkpoint, body))

    async def checkpoint(request: Request) -> Response:
        return _response(await run_in_threadpool(witness.checkpoint, request.path_params["origin"]))

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{origin:str}/checkpoint", checkpoint, methods=["GET"]),
        ]
    )


def serve(witness: Witness, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Answer until SIGINT or SIGTERM; `ready()` is called when the first request can come."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(app_of(witness), log_level="warning", access_log=False, server_header=False)
    Server(config).run(sockets=[sock])


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {"Content-Type": answer.media})  # exactly, without a charset added
