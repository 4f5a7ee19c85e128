import pytest

from app.ai.anthropic_client import AnthropicDrafter
from app.ai.factory import classifier, drafter
from app.ai.gateway import GatewayClassifier
from app.ai.offline import OfflineClassifier
from app.config import Settings

KEYS = {"LOVABLE_AI_GATEWAY_KEY": "gw-key", "ANTHROPIC_API_KEY": "an-key"}


@pytest.mark.parametrize(
    ("values", "classifies", "drafts"),
    [
        pytest.param({}, OfflineClassifier, type(None), id="auto without keys"),
        pytest.param(KEYS, GatewayClassifier, AnthropicDrafter, id="auto with keys"),
        pytest.param(
            {"LOVABLE_AI_GATEWAY_KEY": "gw-key"},
            GatewayClassifier,
            type(None),
            id="auto with the gateway's key",
        ),
        pytest.param(
            {"ANTHROPIC_API_KEY": "an-key"},
            OfflineClassifier,
            AnthropicDrafter,
            id="auto with Anthropic's key",
        ),
        pytest.param(
            KEYS | {"BB_AI_MODE": "offline"},
            OfflineClassifier,
            type(None),
            id="offline with keys",
        ),
        pytest.param(
            KEYS | {"BB_AI_MODE": "live"},
            GatewayClassifier,
            AnthropicDrafter,
            id="live",
        ),
    ],
)
def test_keys_and_mode_choose_the_models(values, classifies, drafts):
    settings = Settings.model_validate(values)

    assert type(classifier(settings)) is classifies
    assert type(drafter(settings)) is drafts


def test_the_version_names_model_and_prompt():
    settings = Settings.model_validate(KEYS | {"LOVABLE_CLASSIFY_MODEL": "some/model"})

    assert classifier(settings).version == "model/some/model/classify/1"


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch):
    for name in (*KEYS, "BB_AI_MODE", "LOVABLE_CLASSIFY_MODEL"):
        monkeypatch.delenv(name, raising=False)
