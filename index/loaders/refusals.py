"""Errors that several loaders raise, so that the same trouble reads the same in every format."""

from __future__ import annotations

from index.errors import DocumentError

RECOGNISE = (
    "Text recognition (OCR) reads such pages: install Tesseract (on Debian and Ubuntu: apt install"
    " tesseract-ocr; on macOS: brew install tesseract), keep loaders.ocr at auto, and index the file again."
)
"""What to do about pages that are pictures."""


def damaged() -> DocumentError:
    """A file that is cut off or broken."""
    return DocumentError(
        "damaged",
        "The file is damaged or incomplete.",
        hint="Copy or download it again, or open it in its program and save it again; then index it.",
    )


def needs_password() -> DocumentError:
    """An encrypted file."""
    return DocumentError(
        "password", "The file needs a password.", hint="Remove the password and index the file again."
    )


def too_much_text(max_chars: int) -> DocumentError:
    """A document whose text is over the limit."""
    return DocumentError(
        "too_large",
        f"It holds more text than the limit of {max_chars:,} characters.",
        hint="Split the file into smaller ones and index those.",
    )
