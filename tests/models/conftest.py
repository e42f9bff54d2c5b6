"""Shared by the tests of models: one thread, and a machine whose hub and whose addresses are a server of the test."""

import huggingface_hub as hub
import pytest
import torch
from huggingface_hub.utils import close_session
from weight_sources import Hub, Plain


@pytest.fixture(scope="module")
def one_thread():
    """Draw and copy numbers in one thread: several are no faster, and far slower on a busy machine."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def machine(monkeypatch, tmp_path, web):
    """Give a machine without caches, credentials and offline mode, whose hub is `web`."""
    home = tmp_path / "hub"
    variables = {
        "HF_ENDPOINT": web.address,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "TORCH_HOME": str(tmp_path / "torch"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    home.mkdir()  # the client asks the hub for this file once a day
    (home / ".agent_harnesses.json").write_text('{"standardEnvVars": [], "harnesses": {}}')
    monkeypatch.setattr(hub.constants, "AGENT_HARNESSES_PATH", str(home / ".agent_harnesses.json"))
    # what the client made of the environment when it was imported
    template = f"{web.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(hub.constants, "ENDPOINT", web.address)
    monkeypatch.setattr(hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(hub.constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    yield
    close_session()


@pytest.fixture
def offline(monkeypatch):
    """Give a function that cuts this machine off."""
    return lambda: monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(params=[Plain, Hub], ids=["address", "hub"])
def source(request, web, other_web):
    return request.param(web, other_web)


@pytest.fixture
def at_hub(web, other_web):
    return Hub(web, other_web)


@pytest.fixture
def at_address(web, other_web):
    return Plain(web, other_web)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "resources" / "weights" / "name.safetensors"
