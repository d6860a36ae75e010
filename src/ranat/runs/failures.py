"""What the machine cannot do (a full disk, a limit, too little memory), in one line each."""

from __future__ import annotations

import errno
import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ranat.errors import UserError, errno_of

_RESUME = "go on with --resume"
_WRITING = {
    errno.ENOSPC: ("the disk is full", f"make room, then {_RESUME}"),
    errno.EDQUOT: ("the disk quota is used up", f"make room, then {_RESUME}"),
    errno.EFBIG: ("a file is larger than `ulimit -f` allows", f"raise the limit, then {_RESUME}"),
    errno.EROFS: ("the file system is read-only", f"make it writable, then {_RESUME}"),
    errno.EACCES: ("may not be written", f"change its permissions, then {_RESUME}"),
    errno.EPERM: ("may not be written", f"change its permissions, then {_RESUME}"),
    errno.EIO: ("the disk failed (input/output error)", f"see to the disk, then {_RESUME}"),
}


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Each library has its own words for the same failures while a run folder is written; make them `UserError`s."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # tokenizers raise bare ones
        found = _explanation(error, folder)
        if found is None:
            raise
        raise UserError(found[0], where=str(folder), remedy=found[1]) from error


def _explanation(error: Exception, folder: Path) -> tuple[str, str] | None:
    number = errno_of(error) or _torch_errno(error, folder)
    if number == errno.ENOMEM:
        remedy = "train with a smaller train.batch_size and as much more train.gradient_accumulation"
        return "out of memory", f"{remedy}; or {_RESUME} where there is more"
    if number is None or number not in _WRITING:
        return None
    named = getattr(error, "filename", None)
    if named and not Path(str(named)).absolute().is_relative_to(folder.absolute()):
        return None  # such as a corpus that may not be read
    return _WRITING[number]


def _torch_errno(error: Exception, folder: Path) -> int | None:
    """The likely errno of a failed `torch.save`, which says no reason."""
    if not re.search(r"inline_container\.cc|iostream error", str(error)):
        return None
    if shutil.disk_usage(folder).free < 1 << 16:
        return errno.ENOSPC
    limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    return errno.EFBIG if limited else errno.EIO
