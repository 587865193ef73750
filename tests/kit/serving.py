"""An application on a real socket of loopback, for browsers and for programs that open addresses themselves."""

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette


@contextlib.contextmanager
def served(app: Starlette, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve on a free port; answers the address, in which loopback is called `host`. Its streams end with the block."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        app.state.host.bell.close()
        server.should_exit = True
        thread.join()
