"""A data set small enough to read: does a sentence report harm (1) or benefit (0)? All examples train on it."""

SENTENCES = [
    ("Cisplatin caused acute kidney failure.", 1),
    ("Imatinib prolonged survival in chronic myeloid leukaemia.", 0),
    ("Two patients developed rhabdomyolysis after simvastatin.", 1),
    ("Metformin improved fasting glucose.", 0),
    ("Gefitinib induced severe diarrhoea.", 1),
    ("Ivacaftor restored lung function in cystic fibrosis.", 0),
    ("Doxorubicin led to heart failure in one woman.", 1),
    ("Salbutamol relieved wheezing within minutes.", 0),
    ("Ibuprofen provoked gastric bleeding.", 1),
    ("Trastuzumab reduced the risk of relapse.", 0),
    ("Amiodarone was followed by thyrotoxicosis.", 1),
    ("Penicillin cured the pneumonia of all children.", 0),
]


def encoded(tokenizer):
    """The sentences as a Trainer or a DataLoader takes them: a list of dictionaries."""
    return [{**tokenizer(sentence), "labels": label} for sentence, label in SENTENCES]
