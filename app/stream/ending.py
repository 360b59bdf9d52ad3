"""How a web process hears that it is to end: granian waits for open streams, but does not tell them."""

import signal
import socket
import threading
from typing import Final

from flask import Flask

from app.stream.hub import Hub

ENDS: Final = frozenset({signal.SIGTERM, signal.SIGINT})


def heed(app: Flask) -> None:
    """End what waits and streams when SIGTERM or SIGINT comes; whoever handles the signal still does.

    Python writes the number of each signal that it handles to the wakeup descriptor. Signals belong to the
    main thread: elsewhere, and where an event loop has the descriptor, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    if before != -1:
        signal.set_wakeup_fd(before)
        reader.close()
        writer.close()
        return
    threading.Thread(target=_listen, args=(reader, writer, app), name="ending", daemon=True).start()


def _listen(reader: socket.socket, writer: socket.socket, app: Flask) -> None:
    """Hear of signals for ever: holding `writer` keeps the descriptor ours."""
    hub: Hub = app.extensions["streams"]
    while writer.fileno() >= 0:
        if ENDS & set(reader.recv(64)):
            app.extensions["ending"].set()
            hub.close()
