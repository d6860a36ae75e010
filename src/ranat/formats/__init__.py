"""File formats of documents: one file a format, recognised by how sure each is; some are folders of files.

`base` says what a format is, `reading` reads files and folders, `source` is an open file with what is odd in it, and
`fitting` takes away what a written format cannot hold.
"""

from ranat.formats.base import (
    FOLDERS,
    READERS,
    WRITERS,
    Read,
    Sure,
    folder_reader,
    reader,
    write,
    writer,
)
from ranat.formats.reading import How, is_one, of_folder, read, recognise, recognise_folder, text_of
from ranat.formats.sample import Sample

__all__ = [
    "FOLDERS",
    "READERS",
    "WRITERS",
    "How",
    "Read",
    "Sample",
    "Sure",
    "folder_reader",
    "is_one",
    "of_folder",
    "read",
    "reader",
    "recognise",
    "recognise_folder",
    "text_of",
    "write",
    "writer",
]  # fmt: skip
