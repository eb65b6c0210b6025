"""The commands of ``footnote``, by what people do with them; ``ui.cli`` puts them together."""
