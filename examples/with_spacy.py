"""Entities and relations of a trained model as a spaCy `Doc`, for rules, displaCy or anything else that spaCy has.

The models are those of `ranat demo`; several that find entities may come before the one that finds relations:

python with_spacy.py runs/demo/RAT runs/demo/relations
"""

import sys

import spacy
from spacy.tokens import Span

from ranat import Extractor

TEXT = "Imatinib inhibits BCR-ABL1 and KIT. In two patients it caused oedema."

*ner, relation = sys.argv[1:]
document = Extractor.load(ner=ner, re=relation).extract(TEXT)

doc = spacy.blank("en")(document.text)
spans = {}
for entity in document.entities:
    # "expand": the tagger's words are not always spaCy's tokens
    span = doc.char_span(entity.start, entity.end, label=entity.type, alignment_mode="expand")
    spans[entity.id] = Span(doc, span.start, span.end, label=entity.type)
doc.spans["entities"] = list(spans.values())

print("entities:", [(span.text, span.label_) for span in doc.spans["entities"]])
for triple in document.relations:
    print("relation:", spans[triple.head].text, triple.type, spans[triple.tail].text)
