"""The guard of a DIMSE connection: bytes are counted before they are read, and a connection that stalls is ended.

pynetdicom reads a PDU of whatever length the peer claims, and waits for an object without end; neither is configurable.
"""

from __future__ import annotations

import socket
import threading
import time

from pynetdicom import evt
from pynetdicom.association import Association

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.intake import Intake
from myot2.ingest.pacs.limits import LISTING_BYTES, Budget
from myot2.ingest.pacs.problems import unavailable, wrong_answer
from myot2.ingest.pacs.uids import is_uid

MAX_PDU = 2**17
"""The longest PDU that we say we take (bytes)."""

_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700


class GuardedConnection:
    """The handlers of one association. `failure` is what went wrong first; pynetdicom swallows what handlers raise."""

    def __init__(self, budget: Budget, timeout: float):
        self.failure: Exception | None = None
        self.intake: Intake | None = None
        self._budget = budget
        self._timeout = timeout
        self._message_bytes = LISTING_BYTES
        self._new_count_per_message = False
        self._last = time.monotonic()
        self._closed = threading.Event()

    def begin_listing(self, most: int) -> None:
        """Answers to a query follow: at most that many bytes in all."""
        self._message_bytes, self._new_count_per_message = most, False
        self._budget.expect(most)

    def begin_objects(self, most: int) -> None:
        """Objects follow: at most that many bytes each."""
        self._message_bytes, self._new_count_per_message = most, True
        self._budget.expect(most)

    def opened(self, event: evt.Event) -> None:
        """Count and time whatever is read from the socket (handler of EVT_CONN_OPEN)."""
        connection = event.assoc.dul.socket
        connection.socket.settimeout(self._timeout)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read = connection.recv

        def counted(length: int) -> bytearray:
            self._last = time.monotonic()
            try:
                if length > 2 * MAX_PDU:
                    raise wrong_answer("a message longer than agreed")
                self._budget.spend(length)
            except MyoT2Error as error:
                self.failure = self.failure or error
                raise OSError from None
            _acknowledge_at_once(connection.socket)
            return read(length)

        connection.recv = counted

    def message_received(self, event: evt.Event) -> None:
        """A message is complete (handler of EVT_DIMSE_RECV)."""
        if self._new_count_per_message:
            self._budget.expect(self._message_bytes)

    def store(self, event: evt.Event) -> int:
        """Take an object (handler of EVT_C_STORE); the first that is not as it should be ends the association."""
        try:
            if self.failure is None:
                self._take(event)
        except Exception as error:  # a full disk, say: raised by the caller, for pynetdicom would only log it
            self.failure = error
        if self.failure is None:
            return _SUCCESS
        event.assoc.dul.socket.close()  # an abort would be polite, but the caller would wait for its time to end
        return _OUT_OF_RESOURCES

    def _take(self, event: evt.Event) -> None:
        if self.intake is None or not is_uid(str(event.request.AffectedSOPInstanceUID)):
            raise wrong_answer("an object that was not asked for")
        self.intake.take(event.dataset_path)

    def watch(self, association: Association) -> None:
        """End the association when nothing has come for as long as an answer may take."""

        def wait() -> None:
            while not self._closed.wait(min(1.0, self._timeout / 4)):
                if time.monotonic() - self._last > self._timeout:
                    self.failure = self.failure or unavailable("no answer in time", "Try again later.")
                    association.dul.socket.close()
                    return

        self._last = time.monotonic()
        threading.Thread(target=wait, daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()


def leave_answers_to_the_asker(association: Association) -> None:
    """Keep the association's own thread from taking messages, which it can do as a request is being sent.

    Such an answer is dropped, and a list comes out shorter than the archive sent it (pynetdicom's issue 875: the thread
    says that it pauses before it does). Its calls do not block, those of whoever asks do.
    """
    provider = association.dimse
    get = provider.get_msg
    provider.get_msg = lambda block=False: get(block=True) if block else (None, None)


def _acknowledge_at_once(connection: socket.socket) -> None:
    """Spare 80 ms per object: the archive waits for our acknowledgement, which Linux delays (and forgets not to)."""
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
