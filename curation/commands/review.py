"""`siftune review`: the local web app in which people decide."""

from __future__ import annotations

import os
import re
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from curation.commands.options import Run
from curation.errors import CurationError, UsageError, did_you_mean

if TYPE_CHECKING:
    from starlette.applications import Starlette

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def review(
    run: Run,
    queue: Annotated[
        str, typer.Option("--queue", help="Where to begin: sample, kept, held, conflicts, rule:NAME, …")
    ] = "",
    per_rule: Annotated[
        int, typer.Option("--per-rule", min=1, max=5000, help="Records sampled for each rule; twice as many kept ones.")
    ] = 50,
    reviewer: Annotated[
        str,
        typer.Option("--reviewer", help="Your name; each reviewer has a file of their own.", envvar="SIFTUNE_REVIEWER"),
    ] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    language: Annotated[str, typer.Option("--lang", help="zh or en; default: what the browser asks for.")] = "",
    *,
    blind: Annotated[
        bool, typer.Option("--blind/--no-blind", help="In samples, hide what the rules said until you have decided.")
    ] = True,
    again: Annotated[
        float,
        typer.Option(
            "--second-pass",
            min=0,
            max=1,
            help="Share of a sample that comes back later, unmarked, to see how far you agree with yourself.",
        ),
    ] = 0.2,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    show_pii: Annotated[bool, typer.Option("--show-pii", help="Show raw text with personal data in it.")] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe-allow-unauthenticated",
            help="Let everybody in who can reach --host: no token, no encryption, your logs readable by all of them.",
        ),
    ] = False,
) -> None:
    """Look at records and decide: keep, drop, edit or unsure, by one key each."""
    if language not in ("", "zh", "en"):
        raise UsageError(f"--lang: '{language}' is neither zh nor en")
    if host not in LOOPBACK and not unsafe:
        raise UsageError(
            f"--host {host}: everybody who reaches this address could read the logs. Stay on 127.0.0.1 and forward "
            "the port (ssh -L PORT:127.0.0.1:PORT THIS_MACHINE), or add --unsafe-allow-unauthenticated"
        )
    try:
        import uvicorn  # noqa: F401
    except ImportError:
        raise CurationError('review needs starlette and uvicorn: pip install "siftune[review]"') from None
    from curation.review import store
    from curation.review.queues import Opened
    from curation.review.session import Session

    name = reviewer or _user()
    with ThreadPoolExecutor(1) as beside:  # reads while the server's modules are loaded
        reading = beside.submit(Opened, run, per_rule=per_rule)
        from curation.review import app as app_module

        opened = reading.result()
    with store.reviewing(run, name), closing(store.Store(run, name)) as file, _listen(host, port) as place:
        session = Session(opened, file, name, blind=blind, again=again)
        if queue not in (known := ["", "search", *session.names()]):
            raise UsageError(f"--queue: there is no '{queue}' in this run{did_you_mean(queue, known[1:])}")
        number = place.getsockname()[1]
        token = "" if unsafe else secrets.token_urlsafe(24)
        shown = "127.0.0.1" if host in LOOPBACK else host
        hosts = frozenset(f"{one}:{number}" for one in ("127.0.0.1", "localhost", "[::1]"))
        if host not in LOOPBACK:
            hosts = frozenset() if host in ("0.0.0.0", "::") else hosts | {f"{host}:{number}"}
        page = app_module.app(
            session, hosts=hosts, token=token, cookie=f"siftune_{number}", show_pii=show_pii, language=language
        )
        _say(f"http://{shown}:{number}/", token, queue, number, browser=browser)
        before = len(session.said)
        _serve(page, place)
        print(f"{len(session.said)} records decided ({len(session.said) - before:+d}); all of it is in {file.path}")
        print("next: run `siftune curate` again with --force: the decisions apply")


def _user() -> str:
    import getpass

    try:
        name = re.sub(r"[^\w.-]", "-", getpass.getuser())[:40]
    except (OSError, KeyError):
        name = ""
    return name or "reviewer"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = socket.socket(family, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
    except OSError as fault:
        place.close()
        raise UsageError(f"--host {host} --port {port}: cannot listen there: {fault.strerror or fault}") from None
    place.listen(64)
    return place


def _say(url: str, token: str, queue: str, port: int, *, browser: bool) -> None:
    from urllib.parse import urlencode

    query = urlencode({name: value for name, value in (("token", token), ("queue", queue)) if value})
    address = f"{url}?{query}" if query else url
    print(f"review: {address}", flush=True)
    if not token:
        print(
            "warning: no token and no encryption: everybody who can reach this address can read and decide", flush=True
        )
    if os.environ.get("SSH_CONNECTION"):
        print(f"from your own machine: ssh -L {port}:127.0.0.1:{port} THIS_MACHINE, then open the link", flush=True)
    print("Ctrl-C ends it", flush=True)
    if browser and not os.environ.get("SSH_CONNECTION"):
        import webbrowser

        webbrowser.open(address)


def _serve(page: Starlette, place: socket.socket) -> None:
    """Serve until Ctrl-C; nothing is logged, since addresses hold what people searched for."""
    import uvicorn

    config = uvicorn.Config(page, log_level="critical", access_log=False, server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[place])
    except KeyboardInterrupt:
        print()
