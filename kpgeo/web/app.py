"""The page as a web application: read-only, for one machine, with nothing fetched from anywhere else."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from kpgeo.model.calendar import date_of, dekad_label
from kpgeo.model.errors import KpgeoError
from kpgeo.store import Tables, Workspace
from kpgeo.web import pages

Watched = Callable[[], Mapping[str, Any]]
_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# A brief is one file with its style and pictures inside; its own policy names that style by its hash.
_BRIEF_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
_KINDS = {
    ".pdf": "application/pdf",
    ".html": "text/html; charset=utf-8",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def make_app(workspace: Path, watched: Watched, *, port: int = 8765) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    workspace : Path
        Read at each request, so that a run shows as soon as it has committed.
    watched : callable
        Returns what the workspace watches, by AOI id.
    port : int
        The port it is served on: a request that names another host is refused, which keeps other pages from reaching it
        through a name of their own (DNS rebinding).
    """
    app = FastAPI(title="kpgeo", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Refuse other hosts and anything but reading; put the security headers on every answer."""
        if request.headers.get("host", "") not in hosts:
            return PlainTextResponse("This page answers on this machine only.", status_code=421, headers=_HEADERS)
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("This page is for reading.", status_code=405, headers=_HEADERS)
        answer = await call_next(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    @app.exception_handler(KpgeoError)
    async def say_error(request: Request, error: KpgeoError) -> Response:
        """Say in words what kpgeo found wrong."""
        del request
        return HTMLResponse(_page("error.html", message=error.what), status_code=404)

    _add_pages(app, workspace, watched)
    return app


def _add_pages(app: FastAPI, workspace: Path, watched: Watched) -> None:
    """Add the pages."""

    @app.get("/", response_class=HTMLResponse)
    def overview() -> str:
        """Show every AOI: alerts that stand, sites, comparisons, what was seen."""
        with _tables(workspace) as tables:
            return _page("overview.html", aois=pages.overview(tables, watched()), briefs=_briefs(workspace))

    @app.get("/alerts/{alert_id}", response_class=HTMLResponse)
    def alert(alert_id: str) -> str:
        """Show one alert."""
        with _tables(workspace) as tables:
            return _found("alert.html", pages.alert(tables, alert_id))

    @app.get("/sites/{site_id}", response_class=HTMLResponse)
    def site(site_id: str) -> str:
        """Show one site."""
        with _tables(workspace) as tables:
            return _found("site.html", pages.site(tables, site_id))

    @app.get("/briefs/{name}")
    def brief(name: str) -> Response:
        """Give one brief."""
        path = Workspace(workspace).inside("briefs", name)
        if path.suffix not in _KINDS or not path.is_file():
            raise HTTPException(404)
        policy = {"Content-Security-Policy": _BRIEF_POLICY}
        return FileResponse(path, media_type=_KINDS[path.suffix], headers=policy)


@contextmanager
def _tables(workspace: Path) -> Iterator[Tables]:
    tables = Workspace(workspace).tables()
    try:
        yield tables
    finally:
        tables.close()


def _briefs(workspace: Path) -> list[str]:
    """Return the names of the briefs there are, newest period first."""
    return sorted((path.name for path in (workspace / "briefs").glob("*") if path.suffix in _KINDS), reverse=True)


def _found(template: str, content: Mapping[str, Any] | None) -> str:
    """Render a page, or answer 404 where there is nothing of that id."""
    if content is None:
        raise HTTPException(404)
    return _page(template, **content)


def _page(template: str, **content: object) -> str:
    return _environment().get_template(template).render(**content)


def _environment() -> Environment:
    """Return the templates: every text is escaped, and a name that is not there is an error."""
    environment = Environment(
        loader=PackageLoader("kpgeo.web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": lambda day: date_of(day).isoformat(), "dekad": dekad_label, "ha": "{:.2f}".format}
    return environment
