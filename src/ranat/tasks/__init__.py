"""Tasks: how documents become examples, and predictions become documents again."""

from ranat.tasks.base import Encoded, Task, register_task, tasks
from ranat.tasks.loading import load
from ranat.tasks.ner import NER
from ranat.tasks.relation import RelationClassification

__all__ = ["NER", "Encoded", "RelationClassification", "Task", "load", "register_task", "tasks"]
