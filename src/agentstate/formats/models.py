"""Who runs a model, told by its name."""

from __future__ import annotations

from typing import Final

_PROVIDERS: Final = (
    ("claude", "anthropic"),
    ("gpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex", "openai"),
    ("gemini", "google"),
    ("deepseek", "deepseek"),
    ("grok", "xai"),
    ("qwen", "alibaba"),
    ("kimi", "moonshot"),
    ("glm", "zai"),
    ("mistral", "mistral"),
)


def provider_of(model: object) -> str | None:
    """Return the provider of a model, such as anthropic; None where its name does not tell.

    A name may begin with the provider's, as in `openai/gpt-5`.
    """
    if not isinstance(model, str):
        return None
    provider, slash, name = model.lower().rpartition("/")
    known = next((made for start, made in _PROVIDERS if name.startswith(start)), None)
    return known or (provider.split("/")[0] if slash and provider else None)
