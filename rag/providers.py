"""What is known of the providers of language models: names, packages, keys, and where a question goes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rag.settings import variable

if TYPE_CHECKING:
    from rag.settings import GenerationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider. ``addresses`` are the environment variables by which its own client is redirected."""

    label: str
    package: str = ""
    key: str = ""  # the environment variable that holds it; "" where there is none
    address: str = ""  # its own; "" where nothing is sent anywhere, or nobody knows
    addresses: tuple[str, ...] = ()


PROVIDERS = {
    "ollama": Provider(
        label="Ollama",
        package="langchain_ollama",
        address="http://localhost:11434",
        addresses=("OLLAMA_HOST",),
    ),
    "openai": Provider(
        label="OpenAI",
        package="langchain_openai",
        key="OPENAI_API_KEY",
        address="https://api.openai.com",
        addresses=("OPENAI_API_BASE", "OPENAI_BASE_URL"),
    ),
    "anthropic": Provider(
        label="Anthropic",
        package="langchain_anthropic",
        key="ANTHROPIC_API_KEY",
        address="https://api.anthropic.com",
        addresses=("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"),
    ),
    "huggingface": Provider(label="The local model", package="langchain_huggingface"),
}
LOCAL = "huggingface"  # runs in this process


def provider_named(name: str) -> Provider:
    """The provider, or what can be said of one that only LangChain knows."""
    return PROVIDERS.get(name, Provider(label=name))


def model_words(name: str) -> str:
    """A model as people say it: "llama3.1 via Ollama" for ``ollama:llama3.1``."""
    provider, _, model = name.partition(":")
    if provider == LOCAL:
        return f"{Path(model).name or model}, on this computer"
    return f"{model} via {provider_named(provider).label}" if model else name


def key_is_set(provider: Provider) -> bool:
    """Whether the environment holds its key. The key itself is read by the provider's client alone."""
    return bool(variable(provider.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where questions, and the passages found for them, are sent to be answered."""

    label: str
    address: str  # without a user name or password that stands in it
    on_this_computer: bool


def destination(settings: GenerationSettings) -> Destination | None:
    """Where a question goes with these settings; None: nowhere, it is answered in this process."""
    name = settings.model.partition(":")[0]
    if name in ("", LOCAL):
        return None
    provider = provider_named(name)
    redirected = (variable(each) for each in provider.addresses)
    address = settings.base_url or next(filter(None, redirected), provider.address)
    host, shown = _host(address)
    return Destination(label=provider.label, address=shown, on_this_computer=_is_loopback(host))


def without_secrets(address: str) -> str:
    """An address as it may be shown: without a user name or password that stands in it."""
    return _host(address)[1]


def _host(address: str) -> tuple[str, str]:
    """The host of an address, and the address as it may be shown."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        host = parts.hostname or ""
    except ValueError:
        return "", address
    return host, address.replace(
        f"{parts.netloc.rpartition('@')[0]}@", ""
    ) if "@" in parts.netloc else address


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
