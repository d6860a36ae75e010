"""A client of `ranat serve`: extract from a text, keep the document, correct it, and fetch the corrections.

ranat serve --ner runs/demo/RAT --re runs/demo/relations --port 8765
python client.py http://127.0.0.1:8765
"""

import sys
from pathlib import Path

import httpx

TEXT = "Cisplatin induced nephrotoxicity. It was not seen with carboplatin."
MISSED = "nephrotoxicity"

(address,) = sys.argv[1:]
start = TEXT.index(MISSED)
right = {"id": "right", "type": "Disease", "spans": [[start, start + len(MISSED)]]}

patient = httpx.HTTPTransport(retries=8)  # for a minute, while the server starts
with httpx.Client(base_url=address, timeout=60, transport=patient) as server:
    (found,) = server.post("/extract", json={"text": TEXT}).raise_for_status().json()["documents"]
    print("the model's entities:", [(entity["text"], entity["type"]) for entity in found["entities"]])

    (kept,) = server.post("/documents", json={"documents": [found]}).raise_for_status().json()["documents"]
    corrected = {"id": found["id"], "text": TEXT, "entities": [right]}
    revision = {"revision": kept["revision"], "document": corrected, "who": "me", "checked": True}
    server.put(f"/documents/{kept['number']}", json=revision).raise_for_status()

    corrections = server.get("/corrections.jsonl").raise_for_status()
    Path("corrections.jsonl").write_bytes(corrections.content)
    print(f"{len(corrections.text.splitlines())} corrected document is in corrections.jsonl")
