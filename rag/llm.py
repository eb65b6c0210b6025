"""The language model: loaded when first needed, streamed, stopped at once, and every failure named.

LangChain's ``init_chat_model`` is the door to every provider; only this module knows which
exceptions come through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.errors import GenerationError
from rag.offline import language_model_refusal
from rag.providers import LOCAL, provider_named

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage, BaseMessageChunk

    from rag.settings import GenerationSettings

_POLL_SECONDS = 0.1
_GIVEN_WAY_SECONDS = 0.25
_CLOSING_SECONDS = 3.0
_TRIAL_TOKENS = 64  # a model that thinks aloud begins with that
_OLLAMA_CONTEXT_TOKENS = 8192  # its own default of 4096 would cut off the instructions
_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason")
_BUILT_IN = 'or choose the built-in answers in Settings (generation.model = "")'


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Text as it arrives. ``cut`` is set on the last piece when the model reached ``max_tokens``."""

    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a model did when it was asked for a word. Seconds from the request on, loading included."""

    first_seconds: float  # until something came
    seconds: float  # until the end
    text: str


def try_model(settings: GenerationSettings, *, offline: bool = False) -> Trial:
    """Ask the model of these settings for one word.

    Args:
        offline: Refuse one on another computer.

    Raises:
        GenerationError: It cannot be used. ``__cause__`` is what its own client said, where there is that.
    """
    model = LanguageModel(settings.model_copy(update={"max_tokens": _TRIAL_TOKENS}), offline=offline)
    started = time.monotonic()
    first, text = 0.0, ""
    try:
        for piece in model.stream("You are being tested.", "Reply with the one word: ready"):
            first = first or time.monotonic() - started
            text += piece.text
    finally:
        model.close()
    return Trial(first_seconds=first, seconds=time.monotonic() - started, text=text)


class LanguageModel:
    """A chat model behind the settings. Nothing is imported or contacted before the first question."""

    def __init__(self, settings: GenerationSettings, *, offline: bool = False) -> None:
        """Load nothing yet.

        Args:
            offline: Refuse to load a model that would be asked on another computer.
        """
        self._settings = settings
        self._offline = offline
        self._provider, _, self._model_name = settings.model.partition(":")
        self._known = provider_named(self._provider)
        self._mutex = threading.Lock()
        self._streams = 0
        self._retired = False
        self._model: BaseChatModel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        """As in the settings: ``ollama:llama3.1``."""
        return self._settings.model

    def stream(
        self,
        instructions: str,
        message: str,
        *,
        stopped: Callable[[], bool] = lambda: False,
        give_way: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        """Yield the reply piece by piece.

        To take a piece apart costs more than a millisecond of a processor. While ``give_way()`` is true, for
        others have no word yet, only four a second are taken, from the second on; the rest waits in the
        connection.

        Ends early, and drops the connection, when ``stopped()`` turns true or the iterator is closed;
        both are noticed within a tenth of a second even while the model is silent.

        Raises:
            GenerationError: The model cannot be loaded or reached, is silent for
                ``timeout_seconds``, or broke off.
        """
        with self._mutex:
            self._streams += 1
        try:
            yield from self._stream(instructions, message, stopped, give_way)
        finally:
            with self._mutex:
                self._streams -= 1
            self._close_if_retired()

    def _stream(
        self, instructions: str, message: str, stopped: Callable[[], bool], give_way: Callable[[], bool]
    ) -> Iterator[Piece]:
        from langchain_core.messages import HumanMessage, SystemMessage

        messages: list[BaseMessage] = [SystemMessage(instructions), HumanMessage(message)]
        arrived: queue.SimpleQueue[BaseMessageChunk] = queue.SimpleQueue()
        abandoned = threading.Event()
        pump = asyncio.run_coroutine_threadsafe(
            self._pump(messages, arrived, abandoned, give_way), self._running_loop()
        )
        finished = cut = False
        last_sign = time.monotonic()
        try:
            while True:
                ended = pump.done()  # asked before looking, so that nothing arrives unseen after it
                try:
                    chunk = arrived.get(timeout=0 if ended else _POLL_SECONDS)
                except queue.Empty:
                    if ended:
                        break
                    if stopped():
                        return
                    if self._model is None:  # a local model may take long to load; that is no silence
                        last_sign = time.monotonic()
                    if time.monotonic() - last_sign > self._settings.timeout_seconds:
                        raise self._silent() from None
                    continue
                last_sign = time.monotonic()
                reason = _finish_reason(chunk)
                finished = finished or bool(reason)
                cut = cut or reason in ("length", "max_tokens")
                if chunk.text:
                    yield Piece(text=str(chunk.text))
                if stopped():
                    return
        finally:
            abandoned.set()
            pump.cancel()
        error = pump.exception()
        if error is not None:
            raise self._explained(error) from error
        if not finished and self._known.package and self._provider != LOCAL:
            # A connection that is closed early can look like an ordinary end; the missing reason tells.
            raise GenerationError(
                f"{self._label} broke off in the middle of the answer.", hint=f"Ask again, {_BUILT_IN}."
            )
        if cut:
            yield Piece(text="", cut=True)

    def retire(self) -> None:
        """Close it once nobody reads from it any more: another model answers from now on."""
        self._retired = True
        self._close_if_retired()

    def _close_if_retired(self) -> None:
        if self._retired and not self._streams:
            self.close()

    def close(self) -> None:
        """Stop the background thread. The model may be used again; that starts a new one."""
        with self._mutex:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = self._model = None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    # -- in the background thread ------------------------------------------------------------------

    async def _pump(
        self,
        messages: list[BaseMessage],
        arrived: queue.SimpleQueue[BaseMessageChunk],
        abandoned: threading.Event,
        give_way: Callable[[], bool],
    ) -> None:
        """Load the model if need be and pass on what it writes. Cancelling it closes the connection."""
        from langsmith import tracing_context

        model = await asyncio.to_thread(self._loaded)
        # Tracing set up in the environment for another project must not send documents anywhere.
        with tracing_context(enabled=False):
            if self._provider == LOCAL:  # it has no asynchronous side
                await asyncio.to_thread(_pass_on, model, messages, arrived, abandoned)
                return
            async with contextlib.aclosing(_chunks(model, messages)) as chunks:
                async for chunk in chunks:
                    arrived.put(chunk)
                    if chunk.text and give_way():
                        await asyncio.sleep(_GIVEN_WAY_SECONDS)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        # One loop for all requests: the providers' clients keep connections that belong to a loop.
        with self._mutex:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="language-model", daemon=True
                )
                self._thread.start()
            return self._loop

    def _loaded(self) -> BaseChatModel:
        with self._mutex:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _load(self) -> BaseChatModel:
        refused, hint = language_model_refusal(self._settings) if self._offline else ("", "")
        if refused:
            raise GenerationError(refused, hint=hint)
        package = self._known.package
        if package and importlib.util.find_spec(package) is None:
            raise GenerationError(
                f"The package for {self.name} is not installed.",
                hint=f'Install it with: pip install "footnote[{self._provider}]"',
            )
        settings = self._settings
        if self._provider == LOCAL:
            return _local_model(self._model_name, settings)

        from langchain.chat_models import init_chat_model

        options: dict[str, Any] = {"temperature": settings.temperature}
        if settings.base_url:
            options["base_url"] = settings.base_url
        if self._provider == "ollama":
            options |= {"num_predict": settings.max_tokens, "num_ctx": _OLLAMA_CONTEXT_TOKENS}
        else:
            # No quiet retries: the built-in answer is there at once, and says what happened.
            options |= {"max_tokens": settings.max_tokens, "max_retries": 0}
        model: BaseChatModel = init_chat_model(self._model_name, model_provider=self._provider, **options)
        return model

    # -- failures --------------------------------------------------------------------------------

    @property
    def _label(self) -> str:
        return self._known.label

    @property
    def _where(self) -> str:
        return f" at {self._settings.base_url}" if self._settings.base_url else ""

    def _silent(self) -> GenerationError:
        return GenerationError(
            f"{self._label}{self._where} said nothing for {self._settings.timeout_seconds:g} seconds.",
            hint=f"Raise generation.timeout_seconds, {_BUILT_IN}.",
        )

    def _explained(self, error: BaseException) -> GenerationError:
        """Say in one sentence what a provider's exception means, and what to do about it."""
        if isinstance(error, GenerationError):
            return error
        status = getattr(error, "status_code", None)
        reasons = list(_chain(error))
        names = {type(reason).__name__ for reason in reasons}
        detail = " ".join(str(error).split())[:300] or type(error).__name__
        if status in (401, 403) or "api_key" in detail or "authentication" in detail:
            key = self._known.key or "the provider's key"
            return GenerationError(f"{self._label} did not accept the key.", hint=f"Set {key}, {_BUILT_IN}.")
        if status == 404:
            return GenerationError(
                f"{self._label}{self._where} does not know the model {self._model_name}.",
                hint=f"Run `ollama pull {self._model_name}`, {_BUILT_IN}."
                if self._provider == "ollama"
                else f"Correct generation.model, {_BUILT_IN}.",
            )
        if status == 429:
            return GenerationError(
                f"{self._label} refused: too many requests, or the quota is used up.",
                hint=f"Wait a moment and ask again, {_BUILT_IN}.",
            )
        if isinstance(status, int) and status >= 500:
            return GenerationError(
                f"{self._label}{self._where} reported an error of its own (HTTP {status}).",
                hint=f"Ask again in a moment, {_BUILT_IN}.",
            )
        if names & {"RemoteProtocolError", "IncompleteRead", "ReadError", "ConnectionResetError"}:
            return GenerationError(
                f"{self._label}{self._where} broke off in the middle of the answer.",
                hint=f"Ask again, {_BUILT_IN}.",
            )
        if names & {
            "ConnectError",
            "ConnectionError",
            "ConnectionRefusedError",
            "APIConnectionError",
            "gaierror",
        }:
            start = (
                "Start it with `ollama serve`" if self._provider == "ollama" else "Check generation.base_url"
            )
            return GenerationError(
                f"{self._label} is not answering{self._where}.", hint=f"{start}, {_BUILT_IN}."
            )
        return GenerationError(
            f"{self.name} cannot be used: {detail}", hint=f"Check the generation settings, {_BUILT_IN}."
        )


def _local_model(folder: str, settings: GenerationSettings) -> BaseChatModel:
    from langchain_huggingface import ChatHuggingFace, HuggingFacePipeline

    sampling = {"do_sample": True, "temperature": settings.temperature} if settings.temperature else {}
    pipeline = HuggingFacePipeline.from_model_id(
        folder,
        task="text-generation",
        # Only files that are there, and only the format that cannot run code.
        model_kwargs={"local_files_only": True, "use_safetensors": True},
        # Without return_full_text the prompt comes back as the beginning of the answer.
        pipeline_kwargs={"return_full_text": False, "max_new_tokens": settings.max_tokens, **sampling},
    )
    return ChatHuggingFace(llm=pipeline)


async def _chunks(
    model: BaseChatModel, messages: list[BaseMessage]
) -> AsyncGenerator[BaseMessageChunk, None]:
    async for chunk in model.astream(messages):
        yield chunk


async def _end_tasks() -> None:
    """Wait until the connections of abandoned requests are closed; cut off what takes too long."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        # Each request cancels its own task; cancelling again would interrupt the closing.
        _, pending = await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def _pass_on(
    model: BaseChatModel,
    messages: list[BaseMessage],
    arrived: queue.SimpleQueue[BaseMessageChunk],
    abandoned: threading.Event,
) -> None:
    for chunk in model.stream(messages):
        if abandoned.is_set():
            return
        arrived.put(chunk)


def _finish_reason(chunk: BaseMessageChunk) -> str:
    metadata = chunk.response_metadata
    return str(next((metadata[key] for key in _FINISH_KEYS if metadata.get(key)), ""))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
