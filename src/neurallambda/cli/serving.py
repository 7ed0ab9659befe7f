"""`neurallambda serve`: the playground, for a browser on this machine."""

import signal
import socket
from importlib.util import find_spec

from neurallambda.cli.messages import fail, remark
from neurallambda.errors import how_to_install

LOOPBACK = "127.0.0.1"


def serve_playground(*, port: int, seconds: float, memory: int, runs: int) -> None:
    """Serve the playground until Ctrl-C."""
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            fail(f"serve: it needs the package {package}, which is not installed: {how_to_install('serve')}")
    import uvicorn

    from neurallambda.viewer.playground.app import Playground
    from neurallambda.viewer.playground.limits import PlaygroundLimits

    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a browser that goes away ends its run, not the playground
    limits = PlaygroundLimits(seconds=seconds, memory=memory * 2**20, runs=runs)
    listening = _listen(port)
    remark(f"the playground is at http://{LOOPBACK}:{listening.getsockname()[1]}  (Ctrl-C ends it)")
    server = uvicorn.Server(
        uvicorn.Config(
            Playground(limits).app(),
            log_level="warning",
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            limit_concurrency=512,
            ws="none",
        )
    )
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return


def _listen(port: int) -> socket.socket:
    """A socket on this machine alone; the port 0 stands for any that is free."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        fail(f"--port: cannot listen on {port}: {error.strerror or error}; --port 0 takes a free one")
    return listening
