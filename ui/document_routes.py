"""Routes for what is no part of the page itself: pictures of pages, and the original files.

Both are asked for by document and version, never by path. A document that was removed, or has another
version by now, is not there any more, also for a browser that kept a copy: it must ask each time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from index.errors import FootnoteError, SourceError
from index.originals import original_path, read_original
from ui.page_images import no_page
from ui.render import explain

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

    from index.rows import DocumentRow
    from ui.desk import Desk

IMAGES = "/page-image/"
ORIGINALS = "/original/"
_NUMBER = re.compile(r"[0-9]{1,9}")  # int() refuses thousands of digits
# What comes from a file from outside acts on nothing: no scripts, forms or requests, an origin of its own.
DOCUMENT_POLICY = "sandbox; default-src 'none'"
_CACHE = {"cache-control": "private, no-cache"}


def image_address(document: DocumentRow, page: int) -> str:
    """Where the picture of a page is."""
    return f"{IMAGES}{document.doc_id}/{document.version_id}/{page}.png"


def original_address(document: DocumentRow) -> str:
    """Where the original of a document is."""
    return f"{ORIGINALS}{document.doc_id}/{document.version_id}"


def add_document_routes(app: FastAPI, desk: Desk) -> None:
    """Answer under ``IMAGES`` and ``ORIGINALS``; everything in front of the page guards them, too."""
    # FastAPI reads the annotations of the routes, which this module imports only for type checking.
    from fastapi.responses import PlainTextResponse
    from fastapi.responses import Response as Answer

    def current(doc_id: str, version: str) -> DocumentRow | None:
        document = desk.store.document(doc_id)
        return document if document is not None and str(document.version_id) == version else None

    def refused(error: FootnoteError) -> Response:
        return PlainTextResponse(explain(error), 404 if isinstance(error, SourceError) else 422, _CACHE)

    def page_image(request: Request) -> Response:
        found = request.path_params
        document = current(found["doc_id"], found["version"])
        if document is None:
            return PlainTextResponse("The document was removed or changed.", 404, _CACHE)
        if _NUMBER.fullmatch(found["page"]) is None:
            return refused(no_page())
        tag = f'"{document.version_id}-{found["page"]}"'
        headers = {**_CACHE, "etag": tag}
        if tag in request.headers.get("if-none-match", "") and original_path(desk.store, document):
            return Answer(status_code=304, headers=headers)
        try:
            image = desk.pages.image(document, int(found["page"]))
        except FootnoteError as exc:
            return refused(exc)
        return Answer(image, media_type="image/png", headers=headers)

    def original(request: Request) -> Response:
        document = current(request.path_params["doc_id"], request.path_params["version"])
        if document is None:
            return PlainTextResponse("The document was removed or changed.", 404, _CACHE)
        try:
            data = read_original(desk.store, document)
        except FootnoteError as exc:
            return refused(exc)
        shown = document.media_type == "application/pdf" and data.startswith(b"%PDF-")
        name = quote(document.name.encode("utf-8", "replace"), safe="")
        return Answer(
            data,
            media_type="application/pdf" if shown else "application/octet-stream",
            headers={
                "cache-control": "private, no-store",
                "content-disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
            },
        )

    app.add_route(f"{IMAGES}{{doc_id}}/{{version}}/{{page}}.png", page_image)
    app.add_route(f"{ORIGINALS}{{doc_id}}/{{version}}", original)
