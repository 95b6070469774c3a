"""The local web app: pages, JSON posts, and the walls around them.

Log text is hostile and the browser is shared with the whole web, so: loopback by default; only our own Host; a random
token, once, for a cookie that other sites cannot send; POST only as JSON from our own pages; GET changes nothing; a
Content-Security-Policy without inline anything; text into HTML through Jinja's autoescape alone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from curation import templates
from curation.errors import OutputError, SourceError
from curation.report.text import one_line
from curation.report.words import percent
from curation.review import screen
from curation.review.queues import Record
from curation.review.session import Place, Session
from curation.review.words import WORDS, word

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_BODY = 2_000_000  # bytes of a post: an edit of MOST_EDITED characters, and room
DECISIONS = ("keep", "drop", "edit", "unsure")


def app(
    session: Session, *, hosts: frozenset[str], token: str, cookie: str, show_pii: bool, language: str = ""
) -> Starlette:
    """Return the app. `hosts` are the Host headers that are us, empty for any; an empty `token` lets everybody in.

    `cookie` is the cookie's name: cookies do not know ports, so it should hold one. `language` is that of the first
    page; empty takes the browser's.
    """
    pages = _Pages(session, show_pii=show_pii, language=language, cookie=cookie)
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/bulk", pages.bulk),
            Route("/decide", pages.decide, methods=["POST"]),
            Route("/undo", pages.undo, methods=["POST"]),
            Route("/reveal", pages.reveal, methods=["POST"]),
            Route("/bulk", pages.decide_all, methods=["POST"]),
            Route("/language", pages.switch, methods=["POST"]),
            *(Route(f"/{name}", _file(name, kind)) for name, kind in _FILES.items()),
        ],
        middleware=[Middleware(_Walls, hosts=hosts, token=token, cookie=cookie)],
        exception_handlers={SourceError: _unreadable},
    )


_FILES = {"review.js": "text/javascript", "review.css": "text/css", "favicon.ico": "image/svg+xml"}


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    text = _read("favicon.svg" if name == "favicon.ico" else name)

    async def serve(_: Request) -> Response:
        return Response(text, media_type=kind)

    return serve


def _read(name: str) -> str:
    return (files("curation.review") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return templates.environment("curation.review")


# --- walls -----------------------------------------------------------------------------------------------------------


class _Walls:
    """Who may come in, and what every answer says of itself."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], token: str, cookie: str) -> None:
        self._app, self._hosts, self._token, self._cookie = app, hosts, token, cookie
        self._open = not token
        self._key = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the lifespan; we have no websockets
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        request = Request(scope, receive)
        answer = self._refusal(request)
        await (answer or self._app)(scope, receive, labelled)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer for who may not pass: a refusal, or the cookie in exchange for the token."""
        host = request.headers.get("host", "")
        if self._hosts and host not in self._hosts:
            return PlainTextResponse("wrong Host", 400)
        if request.method not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("method not allowed", 405)
        if request.method == "POST":
            if request.headers.get("origin") != f"http://{host}":
                return PlainTextResponse("wrong Origin", 403)
            if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                return PlainTextResponse("JSON only", 415)
        known = secrets.compare_digest(request.cookies.get(self._cookie, "").encode(), self._key.encode())
        if known or self._open:
            return None
        given = request.query_params.get("token", "")
        if request.method == "GET" and self._token and secrets.compare_digest(given.encode(), self._token.encode()):
            self._token = ""
            return self._welcome(request)
        return HTMLResponse(_environment().get_template("closed.html.j2").render(), 403)

    def _welcome(self, request: Request) -> Response:
        """Set the cookie and go on without the token: from a page of ours, so that a strict cookie is sent along."""
        rest = {name: value for name, value in request.query_params.items() if name != "token"}
        target = f"/?{urlencode(rest)}" if rest else "/"
        page = HTMLResponse(_environment().get_template("welcome.html.j2").render(target=target))
        page.set_cookie(self._cookie, self._key, httponly=True, samesite="strict")
        return page


# --- pages -----------------------------------------------------------------------------------------------------------


class _Pages:
    """Every answer of the app; the only state is the session's."""

    def __init__(self, session: Session, *, show_pii: bool, language: str, cookie: str) -> None:
        self._session, self._show_pii, self._first = session, show_pii, language
        self._language_cookie = f"{cookie}_language"

    async def home(self, request: Request) -> Response:
        language = self._language(request)
        place, known = self._place(request)
        if not known:
            return HTMLResponse(self._page(language, place, None, missing=True), 404)
        return HTMLResponse(self._page(language, place, self._items(place)))

    async def bulk(self, request: Request) -> Response:
        place, known = self._place(request)
        text = request.query_params.get("text", "")[:200]
        items = self._session.bulk(place.queue, place.query, text) if known else []
        shown = self._session.shown_of(items)
        return HTMLResponse(
            self._render("bulk.html.j2", self._language(request), n=len(items), shown=shown, text=text)
        )  # fmt: skip

    async def decide(self, request: Request) -> Response:
        language = self._language(request)
        body, fault = await _json(request)
        record = self._session.opened.record(str(body.get("item")))
        decision = body.get("decision")
        if fault or record is None or decision not in DECISIONS:
            return _refused(fault or "unknown record or decision", 422)
        if body.get("content") != self._session.opened.content(record):
            return _refused(word("failed.changed", language), 409)
        place = _place(body)
        blind = self._stands(place, record) and self._session.is_blind(place)
        try:
            self._session.decide(
                record, decision, place=place, note=str(body.get("note") or "")[:2000],
                turns=body.get("turns") if decision == "edit" else None,
                cot=body.get("cot") if decision == "edit" else None,
            )  # fmt: skip
        except ValueError:
            return _refused("not a decision", 422)
        except OutputError as error:
            return _refused(str(error), 500)
        following = self._session.next_open(place)
        said = self._saved(record, str(decision), language, blind=blind)
        return JSONResponse({"url": _url(place._replace(at=-1 if following is None else following)), "said": said})

    async def undo(self, request: Request) -> Response:
        language = self._language(request)
        body, fault = await _json(request)
        if fault:
            return _refused(fault, 422)
        try:
            gone = self._session.undo()
        except OutputError as error:
            return _refused(str(error), 500)
        if not gone:
            return JSONResponse({"url": None, "said": word("undone.none", language)})
        queue, query = gone[-1].queue, str(body.get("query", ""))
        place = Place(queue, query, self._session.find(queue, query, gone[-1]))
        return JSONResponse({"url": _url(place), "said": word("undone", language, n=len(gone))})

    async def reveal(self, request: Request) -> Response:
        """Show what the rules said of one record before it is decided; what is then said of it is marked as `seen`."""
        body, fault = await _json(request)
        place, record = _place(body), self._session.opened.record(str(body.get("item")))
        if fault or record is None or not self._stands(place, record):
            return _refused(fault or "unknown record", 422)
        self._session.reveal(place)
        return JSONResponse({"url": _url(place), "said": ""})

    async def decide_all(self, request: Request) -> Response:
        language = self._language(request)
        body, fault = await _json(request)
        place, text, decision = _place(body), str(body.get("text", ""))[:200], str(body.get("decision"))
        if fault or decision not in ("keep", "drop", "unsure"):
            return _refused(fault or "unknown decision", 422)
        if body.get("n") != len(self._session.bulk(place.queue, place.query, text)):
            return _refused(word("failed.changed", language), 409)
        try:
            n = self._session.decide_all(place.queue, place.query, decision, text=text)
        except OutputError as error:
            return _refused(str(error), 500)
        following = self._session.next_open(place)
        said = word("saved.bulk", language, n=n, word=word(f"state.{decision}", language))
        return JSONResponse({"url": _url(place._replace(at=-1 if following is None else following)), "said": said})

    async def switch(self, request: Request) -> Response:
        other = "en" if self._language(request) == "zh" else "zh"
        answer = JSONResponse({"language": other})
        answer.set_cookie(self._language_cookie, other, httponly=True, samesite="strict")
        return answer

    # --- what they share ---------------------------------------------------------------------------------------------

    def _language(self, request: Request) -> str:
        chosen = request.cookies.get(self._language_cookie) or self._first
        if chosen in ("zh", "en"):
            return chosen
        first = request.headers.get("accept-language", "en").split(",")[0].lower()
        return "zh" if first.startswith("zh") else "en"

    def _place(self, request: Request) -> tuple[Place, bool]:
        """Read where the address points to; without a number it is the first open record, -1 when all are decided."""
        queue = request.query_params.get("queue", "")[:200] or self._start()
        query = request.query_params.get("q", "")[:200]
        known = queue == "search" or queue in self._session.names()
        number = request.query_params.get("i", "")
        if number.isdecimal() and len(number) < 10:
            index = int(number) - 1
        else:
            items = self._items(Place(queue, query, 0)) if known else []
            following = self._session.next_open(Place(queue, query, -1)) if items else None
            index = -1 if following is None else following
        return Place(queue, query, index), known

    def _start(self) -> str:
        """Return the first queue with something to decide."""
        for queue in self._session.names():
            done, total = self._session.count(queue)
            if done < total:
                return queue
        return "sample"

    def _items(self, place: Place) -> list[str]:
        return self._session.items(place.queue, place.query)

    def _stands(self, place: Place, record: Record) -> bool:
        items = self._items(place)
        return 0 <= place.at < len(items) and items[place.at] == record.item

    def _saved(self, record: Record, decision: str, language: str, *, blind: bool) -> str:
        said = word(f"state.{decision}", language)
        if not blind:
            return word("saved", language, word=said)
        if record.kind == "example":
            verdict = str(self._session.opened.examples["verdict"][record.row])
            rules = list(self._session.opened.examples["rules"][record.row])
        else:
            verdict = "drop"
            found = self._session.opened.findings(record.conversation)
            rules = [hit.rule for hit in found if hit.message == record.message and hit.action == "drop"]
        machine = {"word": said, "machine": word(f"machine.{verdict}", language)}
        if not rules:
            return word("saved.machine", language, **machine)
        return word("saved.rules", language, **machine, rules=", ".join(one_line(rule, 40) for rule in rules[:3]))

    def _page(self, language: str, place: Place, items: list[str] | None, *, missing: bool = False) -> str:
        session, shown = self._session, None
        blind = False
        if items and 0 <= place.at < len(items):
            record = session.opened.record(items[place.at])
            if record:
                blind = session.is_blind(place)
                shown = screen.screen(session.opened, record, blind=blind, show_pii=self._show_pii)
        total = len(items or [])
        item = shown.record.item if shown else ""
        mine = session.at(place) if shown else None
        revealed = not blind and (place.queue == "disagreed" or mine is not None)
        return self._render(
            "page.html.j2", language, place=place, shown=shown, blind=blind, missing=missing, total=total,
            queues=self._queues(), mine=mine, votes=session.votes(item) if revealed else {},
            previous=_url(place._replace(at=place.at - 1)) if place.at > 0 else "",
            following=_url(place._replace(at=place.at + 1)) if shown and place.at + 1 < total else "",
            first=_url(place._replace(at=0)) if total else "", summary=self._summary(place, language),
            here=_url(place), run=session.opened.run.name, name=session.opened.report.name,
            about=session.opened.why(place.queue.removeprefix("rule:")) if place.queue.startswith("rule:") else None,
            reviewer=session.reviewer, show_pii=self._show_pii, elsewhere=self._elsewhere(place),
        )  # fmt: skip

    def _elsewhere(self, place: Place) -> str:
        """Return the next queue with something to decide, after this one."""
        names = self._session.names()
        at = names.index(place.queue) + 1 if place.queue in names else 0
        for queue in [*names[at:], *names[:at]]:
            done, total = self._session.count(queue)
            if done < total:
                return queue
        return ""

    def _queues(self) -> dict[str, list[dict[str, Any]]]:
        """Return the sidebar: samples, lists, and rules, each with its progress."""
        groups: dict[str, list[dict[str, Any]]] = {"samples": [], "lists": [], "rules": []}
        totals = {f"rule:{rule.name}": rule.total for rule in self._session.opened.rules}
        for name in self._session.names():
            done, total = self._session.count(name)
            group = "rules" if name in totals else "samples" if name in ("sample", "kept") else "lists"
            row = {"name": name, "done": done, "all": total, "of": totals.get(name, 0)}
            groups[group].append(row | {"url": "/?" + urlencode({"queue": name})})
        return groups

    def _summary(self, place: Place, language: str) -> str:
        """Say what a finished sample showed; nothing while it is not finished, so that nobody is led by it."""
        done, total = self._session.count(place.queue, place.query) if place.at < 0 else (0, 1)
        if not total or done < total:
            return ""
        if place.queue.startswith("rule:"):
            right, n, (low, high), (state, more) = self._session.precision(place.queue.removeprefix("rule:"))
            gate = {"gate": percent(self._session.opened.gate, 1), "more": more}
            key, values = "done.precision", {"right": right, "state": word(f"done.{state}", language, **gate)}
            share = percent(right, n)
        elif place.queue == "kept":
            missed, n, (low, high) = self._session.missed()
            key, values, share = "done.missed", {"missed": missed}, percent(missed, n)
        else:
            return ""
        return word(key, language, share=share, n=n, low=percent(low, 1), high=percent(high, 1), **values)

    def _render(self, template: str, language: str, **values: Any) -> str:  # noqa: ANN401
        def say(key: str, **more: object) -> str:
            return word(key, language, **more)

        return _environment().get_template(template).render(
            w=say, language=language, one_line=one_line, queue_name=lambda name: _queue_name(name, language),
            into=lambda words: words.into(language), **values,
        )  # fmt: skip


def _queue_name(name: str, language: str) -> str:
    known = f"queue.{name}" in WORDS  # an address may say anything
    return word(f"queue.{name}", language) if known else one_line(name.removeprefix("rule:"), 60)


def _place(body: dict[str, Any]) -> Place:
    index = body.get("index")
    return Place(
        str(body.get("queue", ""))[:200], str(body.get("query", ""))[:200], index if type(index) is int else -1
    )


def _url(place: Place) -> str:
    query = {"queue": place.queue}
    if place.query:
        query["q"] = place.query
    if place.at >= 0:
        query["i"] = str(place.at + 1)
    return "/?" + urlencode(query)


async def _json(request: Request) -> tuple[dict[str, Any], str]:
    """Read the body of a post: a JSON object, not larger than MOST_BODY; return it, or what is wrong with it."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            return {}, "too large"
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}, "not JSON"
    return (found, "") if isinstance(found, dict) else ({}, "not an object")


async def _unreadable(request: Request, fault: Exception) -> Response:
    """Say that a table of the run cannot be read, as on the command line."""
    if request.method == "POST":
        return _refused(str(fault), 500)
    return PlainTextResponse(one_line(str(fault), 300), 500)


def _refused(fault: str, status: int) -> Response:
    return JSONResponse({"fault": one_line(fault, 300)}, status)
