"""``python -m ui``: the command line, for where the ``footnote`` script is not on the path."""

from __future__ import annotations

from ui.cli import main

if __name__ == "__main__":
    main()
