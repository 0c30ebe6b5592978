"""HTTP with the limits that an archive needs: bytes counted as they come, no redirect elsewhere, nothing from the host.

The environment is not asked (no proxy, no netrc, no certificates of the environment's choice): what is used stands in
the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from myot2.core.errors import MyoT2Error
from myot2.ingest.pacs.access import Access, basic_credentials, token
from myot2.ingest.pacs.limits import Budget
from myot2.ingest.pacs.problems import not_there, unavailable, wrong_answer

_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
_MAX_REDIRECTS = 3


class ArchiveSession(requests.Session):
    """A session with one archive."""

    def __init__(self, service: str, host: str, access: Access, budget: Budget):
        super().__init__()
        self.trust_env = False
        self.max_redirects = _MAX_REDIRECTS
        self.verify = access.ca_bundle or True
        # Compressed answers are not asked for: what they inflate to cannot be known.
        self.headers.update({"Accept-Encoding": "identity", "User-Agent": "MyoT2"})
        bearer = token(access)
        self.auth = _Bearer(bearer) if bearer else basic_credentials(access, host)
        retry = Retry(
            total=access.retries,
            status_forcelist=_RETRIED,
            backoff_factor=0.2,
            backoff_max=10,
            respect_retry_after_header=False,
            raise_on_status=False,
            redirect=False,
        )
        adapter = _CountingAdapter(budget, max_retries=retry)
        self.adapters.clear()
        self.mount(service, adapter)
        self._origin = _origin(service)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """As requests does it, less the Host header that dicomweb-client sets without the port."""
        request.headers.pop("Host", None)
        return super().prepare_request(request)

    def get_redirect_target(self, response: requests.Response) -> str | None:
        """Where a redirect leads; raises `MyoT2Error` where that is another host, port or scheme."""
        target = super().get_redirect_target(response)
        if target is not None and _origin(urljoin(response.url, target)) != self._origin:
            raise wrong_answer("a redirect to another host")
        return target


class _CountingAdapter(HTTPAdapter):
    """Every body, whoever reads it, is counted chunk by chunk."""

    def __init__(self, budget: Budget, **options: object):
        self._budget = budget
        super().__init__(**options)

    def build_response(self, request, response):  # noqa: ANN001, ANN201 - the signature is that of requests
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise wrong_answer("a compressed answer, which was not asked for")
        response.stream = partial(self._counted, response.stream)
        return super().build_response(request, response)

    def _counted(self, stream, amount: int = 2**16, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ANN001
        for chunk in stream(min(amount, 2**16), decode_content=decode_content):
            self._budget.spend(len(chunk))
            yield chunk


class _Bearer(AuthBase):
    def __init__(self, value: str):
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._value}"
        return request


@contextmanager
def explained() -> Iterator[None]:
    """Turn what HTTP and its readers raise into our errors; the originals quote addresses with UIDs in them."""
    try:
        yield
    except MyoT2Error:
        raise
    except requests.exceptions.SSLError:
        raise unavailable(
            "a TLS certificate that is not trusted", "Give the hospital's certificates as ingest.pacs.ca_bundle."
        ) from None
    except requests.exceptions.HTTPError as error:
        raise _of_status(error.response.status_code) from None
    except requests.exceptions.TooManyRedirects:
        raise wrong_answer("redirects without end") from None
    except requests.exceptions.ChunkedEncodingError:
        raise wrong_answer("an answer that ends too early") from None
    except (requests.exceptions.Timeout, requests.exceptions.ConnectionError) as error:
        if _timed_out(error):
            raise unavailable("no answer in time", "Try again later, or raise ingest.pacs.timeout.") from None
        raise unavailable(
            "no connection", "Check host and port of the source, the network, and that the archive is running."
        ) from None
    except (requests.exceptions.RequestException, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise wrong_answer("an answer that is no DICOM JSON (a web page, perhaps)") from None


def _timed_out(error: requests.exceptions.RequestException) -> bool:
    """Whether waiting ended it: requests says so by the type, or wraps what urllib3 says once or twice."""
    cause = error.args[0] if error.args else None
    kinds = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
    causes = (error, cause, getattr(cause, "reason", None))
    refused = any(isinstance(one, urllib3.exceptions.NewConnectionError) for one in causes)  # a timeout to urllib3
    return not refused and any(isinstance(one, kinds) for one in causes)


def _of_status(status: int) -> MyoT2Error:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
        return unavailable("the user refused", "Check the credentials that ingest.pacs names, and what they may see.")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return not_there("no such study, or no DICOMweb at this address")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return unavailable(f"an error of the server (HTTP {status})", "Try again later; tell the administrator.")
    return wrong_answer(f"a refusal (HTTP {status})")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
