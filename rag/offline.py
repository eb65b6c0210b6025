"""The offline switch: with ``privacy.offline`` on, nothing that would leave this computer is used.

Only a language model elsewhere, or an embedding model that is fetched by its name, would. What is refused is
said when it is set, and again when it would be used.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from index.model_files import is_hub_name
from rag.errors import SettingsError
from rag.providers import PROVIDERS, destination

if TYPE_CHECKING:
    from rag.settings import GenerationSettings, Settings

# Which say together where questions go.
MODEL = frozenset({"generation.model", "generation.others", "generation.base_url"})
EMBEDDING_MODEL = frozenset({"embedding.model"})
_TURN_OFF = 'turn "Stay offline" (privacy.offline) off'


def leaves_this_computer(settings: GenerationSettings) -> bool:
    """Whether asking this language model would send something to another computer.

    Of a provider that only LangChain knows it is taken for granted: whether it heeds an address is not known.
    """
    goes_to = destination(settings)
    if goes_to is None:
        return False
    return not goes_to.on_this_computer or settings.model.partition(":")[0] not in PROVIDERS


def language_model_refusal(settings: GenerationSettings) -> tuple[str, str]:
    """Why this language model is not asked while Footnote is offline, and the next step; "" where it is."""
    if not leaves_this_computer(settings):
        return "", ""
    goes_to = destination(settings)
    place = f" at {goes_to.address}" if goes_to is not None and goes_to.address else ""
    return (
        f"Footnote is set to stay offline, and {settings.model} answers{place}, on another computer.",
        "Choose the built-in answers or a model on this computer (Ollama, a Hugging Face folder, or an"
        f" address such as http://localhost:1234/v1), or {_TURN_OFF}.",
    )


def language_models_refusal(settings: GenerationSettings) -> tuple[str, str]:
    """The same for the one that is set and the others that can be asked: of the first that is refused."""
    every = (settings, *map(settings.with_model, settings.other_models))
    return next((refusal for each in every if (refusal := language_model_refusal(each))[0]), ("", ""))


def embedding_model_refusal(model: str) -> tuple[str, str]:
    """Why this embedding model is not loaded while Footnote is offline, and the next step."""
    if not is_hub_name(model):
        return "", ""
    return (
        f"Footnote is set to stay offline, and the embedding model {model} would be fetched by its name.",
        f"Name the folder of a copy on this computer in embedding.model, or {_TURN_OFF}.",
    )


def refuse_leaving(settings: Settings, changed: Collection[str]) -> None:
    """Refuse settings that contradict the switch, for whoever sets them.

    Args:
        settings: As they would be.
        changed: The dotted names of those that are set. What contradicted it before is no reason to refuse
            another setting, nor is the switch itself ever refused.

    Raises:
        SettingsError: The switch is on, and a model would leave this computer.
    """
    if not settings.privacy.offline:
        return
    for names, (message, hint) in (
        (MODEL, language_models_refusal(settings.generation)),
        (EMBEDDING_MODEL, embedding_model_refusal(settings.embedding.model)),
    ):
        if message and not names.isdisjoint(changed):
            raise SettingsError(message, hint=hint)
