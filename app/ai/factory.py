"""Chooses the models by the settings."""

from pydantic import SecretStr

from app.ai.anthropic_client import AnthropicDrafter
from app.ai.base import Classifier, Drafter, Embedder
from app.ai.embeddings import OpenAIEmbedder
from app.ai.gateway import GatewayClassifier
from app.ai.lexical import LexicalEmbedder
from app.ai.offline import OfflineClassifier
from app.config import AIMode, Settings


def classifier(settings: Settings) -> Classifier:
    """Return the gateway's model, or the offline classifier where none may be asked."""
    key = _usable(settings.gateway_key, settings)
    if key is None:
        return OfflineClassifier()
    return GatewayClassifier(
        base_url=str(settings.gateway_url),
        key=key,
        model=settings.classify_model,
        timeout=settings.gateway_timeout,
    )


def drafter(settings: Settings) -> Drafter | None:
    """Return Anthropic's model, or None where none may be asked: no draft is invented."""
    key = _usable(settings.anthropic_api_key, settings)
    if key is None:
        return None
    return AnthropicDrafter(
        base_url=str(settings.anthropic_url),
        key=key,
        model=settings.anthropic_model,
        timeout=settings.anthropic_timeout,
    )


def embedder(settings: Settings) -> Embedder:
    """Return the model of the embeddings API, or the lexical one where none may be asked."""
    key = _usable(settings.openai_api_key, settings)
    if key is None:
        return LexicalEmbedder()
    return OpenAIEmbedder(
        base_url=str(settings.openai_url),
        key=key,
        model=settings.embedding_model,
        timeout=settings.openai_timeout_ms / 1000,
        most_inputs=settings.openai_embed_max_inputs,
    )


def _usable(key: SecretStr | None, settings: Settings) -> SecretStr | None:
    """The key, unless nothing may be called. In mode `live` the settings insist on keys."""
    return None if settings.ai_mode is AIMode.OFFLINE else key
