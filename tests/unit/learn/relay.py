"""A relay that stands for the network between a site and its coordinator, and writes down what the site sends.

It ends the site's TLS with the coordinator's own certificate and opens another one to the coordinator: what it records
is what the site sends within the encryption, complete and in order.
"""

from __future__ import annotations

import asyncio
import contextlib
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
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._run(self._listen())

    def _run(self, what) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(60)

    async def _listen(self) -> None:
        near = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        near.load_cert_chain(self.tls / "server.pem", self.tls / "server.key")
        self._far = ssl.create_default_context(cafile=self.tls / "ca.crt")
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, ssl=near, ssl_handshake_timeout=600)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = bytearray()
        self.connections.append(record)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self.upstream, ssl=self._far, server_hostname="127.0.0.1", ssl_handshake_timeout=600
            )
            await asyncio.gather(_pump(reader, far_writer, record), _pump(far_reader, writer, None))
        writer.close()

    def close(self) -> None:
        """Accept no more."""
        self._loop.call_soon_threadsafe(self._server.close)

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


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, record: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while content := await source.read(65536):
            if record is not None:
                record += content
            target.write(content)
            await target.drain()
    target.close()
