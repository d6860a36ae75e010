"""A trained model in a spaCy pipeline, beside whatever else spaCy has: rules, displaCy, its own components.

The models are those of `ranat demo`; several that find entities may come before the one that finds relations:

python with_spacy.py runs/demo/RAT runs/demo/relations
"""

import sys

import spacy

TEXT = "Imatinib inhibits BCR-ABL1 and KIT. In two patients it caused oedema."

*ner, relation = sys.argv[1:]
nlp = spacy.blank("en")
nlp.add_pipe("ranat", config={"ner": ner, "re": relation})
doc = nlp(TEXT)

spans = {span.id_: span for span in doc.spans["ranat"]}
print("entities:", [(span.text, span.label_) for span in spans.values()])
for triple in doc._.ranat.relations:
    print("relation:", spans[triple.head].text, triple.type, spans[triple.tail].text)
