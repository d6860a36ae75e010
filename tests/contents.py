"""What a folder holds, to be compared."""

from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Path → bytes of every file but locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
