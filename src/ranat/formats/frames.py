"""Documents as a data frame of pandas: what notebooks show as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ranat.documents.document import Document
from ranat.errors import UserError
from ranat.formats.tables import COLUMNS, rows

if TYPE_CHECKING:
    import pandas as pd


def to_pandas(
    documents: Document | Iterable[Document], table: Literal["documents", "entities", "relations"] = "entities"
) -> pd.DataFrame:
    """A row for each mention, relation or document, such as of what `Extractor.extract_stream` finds.

    Args:
        documents: one, or several.
        table: what is to have a row; the columns are those of `ranat.formats.tables`.
    Raises:
        UserError: pandas is not installed.
        ValueError: there is no such table.
    """
    if table not in COLUMNS:
        raise ValueError(f"no table {table!r}; there are {', '.join(COLUMNS)}")
    try:
        import pandas as pd
    except ImportError:
        raise UserError("needs pandas", where="to_pandas", remedy="pip install 'ranat[pandas]'") from None
    given = [documents] if isinstance(documents, Document) else documents
    return pd.DataFrame([row for document in given for row in rows(document)[table]], columns=list(COLUMNS[table]))
