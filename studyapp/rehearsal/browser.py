"""A browser without a screen: one person's connection, cookies and forms. It knows only what the server sends."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from studyapp.errors import StudyError

MAX_REDIRECTS = 5
TIMEOUT_S = 60
# A request may be sent again: looking changes nothing, and an answer carries the key of its screen.
TRIES = 5
WAIT_S = 0.5


class UnexpectedPage(StudyError):
    """A page other than the one that a participant should meet."""


class SiteAway(StudyError):
    """Nothing answers at the address."""


@dataclass
class Form:
    """A form of a page: what it would send as it stands, and the values that each choice offers."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    offers: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """An answer of the server, as a browser holds it."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def title(self) -> str:
        """The page's title, or its heading where our script gets the heart of a page."""
        return self._read[0]

    @property
    def forms(self) -> tuple[Form, ...]:
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[str, tuple[Form, ...]]:
        # Read when somebody looks, as a person does: what is measured until a page is there is the server's time.
        is_html = dict(self.headers).get("Content-Type", "").startswith("text/html")
        return read_html(self.text) if is_html else ("", ())

    def form_with(self, field_name: str) -> Form | None:
        """The first form that has this field."""
        return next((form for form in self.forms if field_name in form.values or field_name in form.offers), None)


class Browser:
    """One device: a connection that is kept, and the cookies of one site.

    `scripts` sends answers as our script does: the next screen comes with the reply. A second tab shares the cookies.
    """

    def __init__(self, *, scripts: bool = True, cookies: dict[str, str] | None = None) -> None:
        self.scripts = scripts
        self.cookies = {} if cookies is None else cookies
        self._connection: http.client.HTTPConnection | None = None
        self._origin = ""

    def another_tab(self) -> Browser:
        """A tab of the same browser: the same cookies, a connection of its own."""
        return Browser(scripts=self.scripts, cookies=self.cookies)

    def get(self, url: str) -> Page:
        """Open an address, following redirects."""
        return self._follow("GET", url, b"", {})

    def send(self, page: Page, form: Form, answers: Mapping[str, str]) -> Page:
        """Send a page's form with these answers, as a browser would: in one request with our script, else plainly."""
        url = urljoin(page.url, form.action)
        values = {**form.values, **answers}
        if form.method == "GET":
            return self.get(f"{url}?{urlencode(values)}")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": page.url, "Origin": _origin(url)}
        if self.scripts and "stamp" in form.values:
            headers["X-Requested-With"] = "foretell"
        return self._follow("POST", url, urlencode(values).encode("ascii"), headers)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _follow(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Page:
        for _ in range(MAX_REDIRECTS):
            response, content = self._request(method, url, body, headers)
            location = response.getheader("Location")
            if response.status not in {301, 302, 303, 307, 308} or not location:
                return Page(url, response.status, tuple(response.getheaders()), content)
            url = urljoin(url, location)
            method, body, headers = "GET", b"", {}
        raise UnexpectedPage(f"{url} redirects in circles")

    def _request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        for attempt in range(TRIES):
            try:
                return self._request_once(method, url, body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt + 1 == TRIES:
                    raise SiteAway(
                        f"No answer from {_origin(url)} ({type(error).__name__}: {error}). Start the web server, or "
                        "set FORETELL_BASE_URL to where it listens."
                    ) from error
                if attempt:  # the first time it may only be a kept connection that the server had closed
                    time.sleep(WAIT_S * attempt)
        raise AssertionError("unreachable")

    def _request_once(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connect(url)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Accept": "text/html", **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body or None, sent)
        response = connection.getresponse()
        content = response.read()
        for header in response.headers.get_all("Set-Cookie", []):
            self._remember(header)
        return response, content

    def _connect(self, url: str) -> http.client.HTTPConnection:
        origin = _origin(url)
        if self._origin and origin != self._origin:  # a study may send its people anywhere; invented ones stay here
            raise UnexpectedPage(f"{url} is no page of {self._origin}")
        if self._connection is None:
            parts = urlsplit(url)
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
            self._origin = origin
        return self._connection

    def _remember(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.coded_value


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def read_html(text: str) -> tuple[str, tuple[Form, ...]]:
    """A page's title (its heading where our script gets the heart of a page) and its forms."""
    reader = _Reader()
    reader.feed(text)
    return " ".join("".join(reader.title or reader.heading).split()), tuple(reader.forms)


class _Reader(HTMLParser):
    """Picks a page's title and forms. Nothing else of a page is read, so nothing else can be answered from."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.heading: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "title" and not self.title:
            self._into = self.title
        elif tag == "h1" and not self.heading:
            self._into = self.heading
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").upper())
            self.forms.append(self._form)
        elif tag in {"input", "button", "option"} and self._form is not None and "disabled" not in given:
            self._take(self._form, tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"title", "h1"}:
            self._into = None
        elif tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)

    def _take(self, form: Form, tag: str, given: Mapping[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "submit" if tag == "button" else "text")
        if not name:
            return
        if kind in {"radio", "checkbox", "submit"}:
            form.offers.setdefault(name, []).append(given.get("value", "on"))
            if "checked" in given:
                form.values[name] = given.get("value", "on")
        else:
            form.values[name] = given.get("value", "")
