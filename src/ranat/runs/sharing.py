"""Give a trained model to others: to the hub, or as a wheel where there is no hub.

What is given is the sealed folder model/ of a finished, whole run: weights in safetensors, tokenizer, card.
Nothing else is, such as predictions, which hold texts of the corpus.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from importlib import metadata
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from packaging.version import InvalidVersion, Version

from ranat.disk import drafted, sha256
from ranat.errors import UsageError, UserError
from ranat.runs.folder import RunFolder
from ranat.runs.installed import GROUP, MODEL_FOLDER
from ranat.runs.seal import SEAL, sealed

_SAFE = (".json", ".safetensors", ".txt", ".model", ".md", ".jinja")
"""Suffixes of what a shared model may hold: nothing that runs when it is loaded."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NO_LATER = (1980, 1, 1, 0, 0, 0)
"""The one time of all files in a wheel, so that the same model gives the same wheel."""


def push(run: Path, name: str, *, public: bool = False) -> str:
    """Upload a model to the hub that HF_ENDPOINT names, by default huggingface.co, as one commit.

    Args:
        run: a run folder.
        name: OWNER/NAME; it is made if it is not there.
        public: whether a repository that is made can be seen by everyone.
    Returns:
        The address of the commit.
    Raises:
        UsageError: it is no such name.
        UserError: the run is not finished or damaged, or the hub refuses or cannot be reached.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise UsageError("is no OWNER/NAME", where=name, remedy="OWNER is your name on the hub, or your organisation's")
    files = _files(run)
    api = HfApi()
    try:
        api.create_repo(name, private=not public, exist_ok=True)
        added = [CommitOperationAdd(path_in_repo=place, path_or_fileobj=file) for place, file in files.items()]
        message = f"A model of ranat {metadata.version('ranat')}"
        return str(api.create_commit(name, added, commit_message=message).commit_url)
    except HFValidationError as error:
        raise UsageError(_first(error), where=name) from None
    except OfflineModeIsEnabled:
        raise UserError("the hub is switched off", where=name, remedy="unset HF_HUB_OFFLINE") from None
    except HfHubHTTPError as error:
        code = error.response.status_code
        remedy = (
            "log in with `hf auth login`, or set HF_TOKEN to a token that may write" if code in (401, 403) else None
        )
        raise UserError(f"the hub refuses: {_first(error)}", where=name, remedy=remedy) from None
    except Exception as error:  # the network's errors are those of whichever client the hub's library has
        what = f"cannot be uploaded: {_first(error)}"
        raise UserError(what, where=name, remedy="the same command tries again") from error


def package(run: Path, out: Path, *, name: str | None = None, version: str = "1.0.0") -> Path:
    """A wheel of a model, which `pip install` brings and `--ner NAME` finds.

    Args:
        run: a run folder.
        out: the folder to write it to.
        name: of the model; default: the run folder's.
        version: of the wheel (PEP 440).
    Returns:
        The wheel, ranat_model_NAME-VERSION-py3-none-any.whl.
    Raises:
        UsageError: the name or the version cannot be one.
        UserError: the run is not finished or damaged, or the wheel is there already.
    """
    chosen = re.sub(r"[-_.]+", "-", name or run.resolve().name).lower()
    if not _NAME.fullmatch(chosen):
        remedy = "take letters, digits and hyphens, with --name"
        raise UsageError(f"cannot be the name of a package: {chosen}", where="--name", remedy=remedy)
    try:
        number = str(Version(version))
    except InvalidVersion:
        raise UsageError(f"is no version: {version}", where="--version", remedy="such as 1.0.0") from None
    files = _files(run)
    module = f"ranat_model_{chosen.replace('-', '_')}"
    wheel = out / f"{module}-{number}-py3-none-any.whl"
    card = next((file.read_text(encoding="utf-8") for place, file in files.items() if place == "README.md"), "")
    about = f"{module}-{number}.dist-info"
    texts = {
        f"{module}/__init__.py": f'"""The model {chosen} of ranat: `ranat extract --ner {chosen}`."""\n',
        f"{about}/METADATA": _metadata(f"ranat-model-{chosen}", number, card),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: ranat\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": f"[{GROUP}]\n{chosen} = {module}\n",
    }
    with drafted(wheel, "ranat package") as draft, zipfile.ZipFile(draft, "w") as archive:
        record = []
        for place, file in files.items():
            inside = f"{module}/{MODEL_FOLDER}/{place}"
            with file.open("rb") as source, archive.open(_entry(inside), "w", force_zip64=True) as target:
                while block := source.read(1 << 20):
                    target.write(block)
            record.append(_recorded(inside, bytes.fromhex(sha256(file)), file.stat().st_size))
        for inside, text in texts.items():
            data = text.encode()
            archive.writestr(_entry(inside), data)
            record.append(_recorded(inside, hashlib.sha256(data).digest(), len(data)))
        archive.writestr(_entry(f"{about}/RECORD"), "\n".join([*record, f"{about}/RECORD,,", ""]))
    return wheel


def _files(run: Path) -> dict[str, Path]:
    """The files of the model of a whole run, by their place in it.

    Raises:
        UserError: the run is not finished, something of it is damaged, or a file is none that a model should have.
    """
    folder = RunFolder(run)
    if findings := folder.verify():
        raise UserError(f"is damaged: {findings[0]}", where=str(run), remedy="train the run again")
    folder.metrics()  # or the run is not finished
    model = folder.model()
    places = [*(sealed(model) or {}), SEAL]
    for place in places:
        if not place.endswith(_SAFE):
            remedy = f"a model has files that end in {', '.join(_SAFE)}"
            raise UserError("is not shared", where=str(model / place), remedy=remedy)
    return {place: model / place for place in places}


def _metadata(name: str, version: str, card: str) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        "Summary: A model that ranat trained",
        f"Requires-Dist: ranat>={metadata.version('ranat')}",
        "Description-Content-Type: text/markdown",
    ]
    return "\n".join([*lines, "", card])


def _entry(inside: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(inside, _NO_LATER)
    entry.external_attr = 0o644 << 16
    return entry


def _recorded(inside: str, digest: bytes, size: int) -> str:
    return f"{inside},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},{size}"


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
