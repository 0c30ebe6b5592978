"""A relay that stands for the network between a site and its coordinator, and writes down what the site sends.

It ends the site's TLS with the coordinator's own certificate and opens another one to the coordinator: what it records
is what the site sends within the encryption, complete and in order.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Call:
    """One HTTP request of the site."""

    path: str
    head: bytes
    body: bytes


@dataclass
class Relay:
    """Listens on a port of its own; `upstream` is the coordinator's."""

    tls: Path
    upstream: int
    connections: list[bytearray] = field(default_factory=list)

    def __post_init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(self.tls / "server.pem", self.tls / "server.key")
        self._client = ssl.create_default_context(cafile=self.tls / "ca.crt")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        record = bytearray()
        self.connections.append(record)
        with contextlib.suppress(OSError):
            far = self._client.wrap_socket(
                socket.create_connection(("127.0.0.1", self.upstream)), server_hostname="127.0.0.1"
            )
            near = self._server.wrap_socket(near, server_side=True)
            threading.Thread(target=_pump, args=(far, near, None), daemon=True).start()
            _pump(near, far, record)
            return
        near.close()

    def close(self) -> None:
        """Accept no more."""
        self._listening.close()

    @property
    def stream(self) -> bytes:
        """All that the site has sent."""
        return b"\n".join(bytes(one) for one in self.connections)

    def calls(self) -> list[Call]:
        """The stream as HTTP requests; nothing of it is left over."""
        found = []
        for record in self.connections:
            rest = bytes(record)
            while rest:
                head, separator, rest = rest.partition(b"\r\n\r\n")
                if not separator:  # cut off where the process was killed
                    break
                lines = head.decode("latin-1").split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:])
                size = int(fields.get("content-length", "0"))
                assert "transfer-encoding" not in fields and "content-encoding" not in fields
                found.append(Call(lines[0].split()[1], head, rest[:size]))
                rest = rest[size:]
        return found


def _pump(source: ssl.SSLSocket, target: ssl.SSLSocket, record: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            if record is not None:
                record += content
            target.sendall(content)
    for side in (source, target):
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
