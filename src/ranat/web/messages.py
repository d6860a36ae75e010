"""The bodies of requests and answers; documents are those of the project's JSON Lines."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ranat.documents import Document, Entity, Relation
from ranat.documents.document import is_text

SpanBody = Annotated[list[int], Field(min_length=2, max_length=2)]
Score = Annotated[float, Field(ge=0, le=1)]


class Body(BaseModel):
    """A JSON object with no keys but these."""

    model_config = ConfigDict(extra="forbid")


class EntityBody(Body):
    """A mention; spans are [start, end] in code points of the text, the end exclusive."""

    id: str
    type: Annotated[str, Field(min_length=1)]
    spans: list[SpanBody]
    text: str | None = None
    concept: str | None = None
    score: Score | None = None


class RelationBody(Body):
    """A relation between two mentions, by their ids."""

    type: Annotated[str, Field(min_length=1)]
    head: str
    tail: str
    score: Score | None = None


class DocumentBody(Body):
    """A text and what is marked in it."""

    id: str | None = None
    text: str
    entities: list[EntityBody] = []
    relations: list[RelationBody] = []
    sentences: list[SpanBody] = []
    tokens: list[SpanBody] = []

    def document(self, id: str) -> Document:
        """It as a `Document`, called so if it has no id.

        Raises:
            ValueError: its marks do not fit its text.
        """
        entities = tuple(
            Entity(one.id, one.type, tuple((start, end) for start, end in one.spans), one.concept, one.score)
            for one in self.entities
        )
        relations = tuple(Relation(one.type, one.head, one.tail, one.score) for one in self.relations)
        sentences, tokens = (tuple((start, end) for start, end in spans) for spans in (self.sentences, self.tokens))
        document = Document(self.id or id, self.text, entities, relations, sentences, tokens)
        self._check(document)
        return document

    def _check(self, document: Document) -> None:
        for one, entity in zip(self.entities, document.entities, strict=True):
            if one.text is not None and one.text != document.mention(entity):
                raise ValueError(f"entity {one.id!r} is not the text at its spans")
        if any(not is_text(value) for one in self.entities for value in (one.id, one.type, one.concept or "")):
            raise ValueError("an id, type or concept holds half a surrogate pair")
        ends = {end for entity in document.entities for end in (entity.id, *entity.concepts)}
        for relation in document.relations:
            for end in (relation.head, relation.tail):
                if end not in ends:
                    raise ValueError(f"a relation names {end!r}, which is no entity of the document")
            if not is_text(relation.type):
                raise ValueError("a relation's type holds half a surrogate pair")
        for span in (*document.sentences, *document.tokens):
            if not 0 <= span[0] <= span[1] <= len(document.text):
                raise ValueError(f"a sentence or token, {[*span]}, reaches past the text")


class ExtractBody(Body):
    """Documents, or one text."""

    text: str | None = None
    documents: list[DocumentBody] | None = None


class DocumentsBody(Body):
    """Documents."""

    documents: list[DocumentBody]


class RevisionBody(Body):
    """A document as somebody has corrected it.

    `revision` is the one that was corrected; `checked` says that all of it is right now.
    """

    revision: int
    document: DocumentBody
    who: Annotated[str, Field(max_length=200)] = ""
    checked: bool = False


class Found(BaseModel):
    """Documents, as in the project's JSON Lines."""

    documents: list[dict[str, Any]]


class FoundInFile(Found):
    """What a file holds, and what was odd in it."""

    notices: list[str]


class Model(BaseModel):
    """A model that is served: what it finds, and the scores of its run in percent, if it is one."""

    name: str
    finds: str
    types: list[str]
    corpus: str | None = None
    training: str | None = None
    f1: dict[str, float] = {}


class Runs(BaseModel):
    """The models that are served."""

    runs: list[Model]


class Health(BaseModel):
    """Whether the server works, and how many requests wait for the model."""

    status: str
    waiting: int


class Version(BaseModel):
    """Of ranat."""

    version: str


class Format(BaseModel):
    """A format of downloads; without a suffix it is a folder, which comes as a zip archive."""

    name: str
    suffix: str


class Formats(BaseModel):
    """The formats of downloads and uploads."""

    written: list[Format]
    read: list[str]


class Change(BaseModel):
    """What somebody did: to an entity or a relation, which is given as it was and as it became."""

    what: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Stored(BaseModel):
    """A document in the store, and since when it is there; each of its entities and relations has a "status"."""

    number: int
    since: str
    revision: int
    checked: bool
    corrected: bool
    uncertainty: float
    document: dict[str, Any]


class StoredList(BaseModel):
    """Documents in the store, in the order in which they came."""

    documents: list[Stored]


class Revision(BaseModel):
    """A revision with the document as it was then."""

    revision: int
    who: str
    when: str
    checked: bool
    document: dict[str, Any]
    changes: list[Change]


class History(BaseModel):
    """All revisions of a document, the first as it was predicted."""

    revisions: list[Revision]


class Next(BaseModel):
    """The number of the document to correct next; None: all are checked."""

    number: int | None


class Told(BaseModel):
    """What went wrong, in words."""

    detail: str
