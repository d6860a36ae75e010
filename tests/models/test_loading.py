from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import AutoModelForTokenClassification

import tiny
from ranat.errors import UserError
from ranat.models.loading import load_config, load_model, load_tokenizer, never_truncate, window_size


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("no network is needed here")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # read from the environment once, when it is imported
    monkeypatch.setattr(socket.socket, "connect", refuse)


def classifier(folder: Path) -> Any:
    return load_model(AutoModelForTokenClassification, str(folder))


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_saved_model_comes_back_bit_for_bit(architecture: str, tmp_path: Path) -> None:
    expected = tiny.model(architecture, seed=3)
    expected.save_pretrained(tmp_path)
    model = classifier(tmp_path)
    assert model.state_dict().keys() == expected.state_dict().keys()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
        assert tensor.dtype == torch.float32
    expected.set_attn_implementation(model.config._attn_implementation)
    batch = {name: value for name, value in tiny.batch().items() if name != "special_tokens_mask"}
    assert torch.equal(model.eval()(**batch).logits, expected.eval()(**batch).logits)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_saved_tokenizer_comes_back_with_truncation_and_padding_off(architecture: str, tmp_path: Path) -> None:
    tiny.save(architecture, tmp_path)
    file = tmp_path / "tokenizer.json"
    contents = json.loads(file.read_text())
    contents["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    contents["padding"] = {
        "strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    file.write_text(json.dumps(contents))
    tokenizer = load_tokenizer(str(tmp_path))
    assert (tokenizer.backend_tokenizer.truncation, tokenizer.backend_tokenizer.padding) == (None, None)
    words = tiny.TEXTS[0].split()
    expected = tiny.tokenizer(architecture)(words, is_split_into_words=True)
    found = tokenizer(words, is_split_into_words=True)
    assert len(expected["input_ids"]) > 8
    assert found["input_ids"] == expected["input_ids"]
    assert found.word_ids() == expected.word_ids()
    assert len(tokenizer("a")["input_ids"]) < 16
    tokenizer.save_pretrained(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "tokenizer.json").read_text())
    assert (saved["truncation"], saved["padding"]) == (None, None)


def test_never_truncate_undoes_what_a_call_switched_on() -> None:
    tokenizer = tiny.tokenizer("bert")
    tokenizer("cancer " * 20, truncation=True, max_length=8, padding="max_length")
    never_truncate(tokenizer)
    assert (tokenizer.backend_tokenizer.truncation, tokenizer.backend_tokenizer.padding) == (None, None)


def test_the_head_gets_the_labels_it_is_asked_for(tmp_path: Path) -> None:
    tiny.save("bert", tmp_path / "three")
    config = json.loads((tmp_path / "three" / "config.json").read_text())
    names = {0: "O", 1: "B-X", 2: "I-X"}
    model = load_model(
        AutoModelForTokenClassification,
        str(tmp_path / "three"),
        id2label=names,
        label2id={v: k for k, v in names.items()},
    )
    assert model.config.id2label == names
    assert config["id2label"] != names


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_weights_in_half_precision_are_read_as_float32(architecture: str, tmp_path: Path) -> None:
    tiny.model(architecture).half().save_pretrained(tmp_path)
    assert {parameter.dtype for parameter in classifier(tmp_path).parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("architecture", "positions", "limit", "window"),
    [
        ("bert", 512, 512, 512),
        ("bert", 64, 512, 64),
        ("bert", 512, 48, 48),
        ("bert", 2048, 10**30, 512),
        ("roberta", 512, 512, 512),  # 514 positions, of which two are never used
        ("roberta", 64, 512, 64),
        ("deberta-v2", 512, 10**30, 512),
        ("deberta-v2", 64, 512, 64),
    ],
)
def test_window_size(architecture: str, positions: int, limit: int, window: int) -> None:
    model = tiny.model(architecture, positions=positions)
    if (architecture, positions) == ("roberta", 512):
        assert model.config.max_position_embeddings == 514
    assert window_size(model.config, tiny_tokenizer(limit)) == window


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_model_takes_as_many_tokens_as_its_window(architecture: str) -> None:
    model = tiny.model(architecture, positions=24).eval()
    size = window_size(model.config, tiny_tokenizer(512))
    ids = torch.full((1, size), 7)
    assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.shape == (1, size, 3)
    if architecture != "deberta-v2":  # whose positions are relative
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, size + 1), 7), attention_mask=torch.ones(1, size + 1))


def tiny_tokenizer(limit: int) -> Any:
    class Limited:
        model_max_length = limit

    return Limited()


class Malicious:
    """Unpickling it would write a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


def one_line(error: UserError) -> str:
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize("malicious", [True, False])
def test_pickled_weights_are_refused_and_never_run(tmp_path: Path, malicious: bool) -> None:
    folder = tmp_path / "model"
    tiny.save("bert", folder)
    (folder / "model.safetensors").unlink()
    weights = Malicious(tmp_path / "ran") if malicious else tiny.model("bert").state_dict()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(UserError) as caught:
        classifier(folder)
    line = one_line(caught.value)
    assert line.startswith(f"model: cannot load {folder}: ")
    assert "model.safetensors" in line
    assert not (tmp_path / "ran").exists()


def test_code_that_a_folder_brings_is_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny.save("bert", folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "code.Mine", "AutoModelForTokenClassification": "code.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(UserError) as caught:
        classifier(folder)
    one_line(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file", "contents"),
    [
        ("config.json", "not json"),
        ("config.json", '{"model_type": "unheard-of"}'),
        ("config.json", "{}"),
        ("model.safetensors", "not weights"),
        ("model.safetensors", ""),
    ],
)
def test_a_broken_model_is_one_line(tmp_path: Path, file: str, contents: str) -> None:
    tiny.save("bert", tmp_path)
    (tmp_path / file).write_text(contents)
    with pytest.raises(UserError) as caught:
        classifier(tmp_path)
    line = one_line(caught.value)
    assert line.startswith(f"model: cannot load {tmp_path}: ")
    assert line.endswith(
        "(give a folder with config.json, model.safetensors and tokenizer.json, or a hub id you can reach)"
    )


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("contents", [None, "not json", "{}"])
def test_a_broken_tokenizer_is_one_line(architecture: str, tmp_path: Path, contents: str | None) -> None:
    tiny.save(architecture, tmp_path)
    for file in tmp_path.glob("tokenizer*"):
        file.unlink()
    if contents is not None:
        (tmp_path / "tokenizer.json").write_text(contents)
    with pytest.raises(UserError) as caught:
        load_tokenizer(str(tmp_path))
    one_line(caught.value)


def test_a_hub_id_that_cannot_be_reached_is_one_line() -> None:
    with pytest.raises(UserError) as caught:
        load_config("someone/some-model-that-is-not-there")
    assert one_line(caught.value).startswith("model: cannot load someone/some-model-that-is-not-there: ")
