"""Silence while an archive is asked: the network libraries log addresses, identifiers and whole data sets."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silence() -> Iterator[None]:
    """Nothing is logged, warned of, or printed by a thread that fails; what went wrong is raised as our own error."""
    disabled, hook = logging.root.manager.disable, threading.excepthook
    logging.disable(logging.CRITICAL)
    threading.excepthook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        threading.excepthook = hook
