"""Tasks: how documents become examples, and predictions become documents again."""

from ranat.tasks.base import Encoded, Stage, Task, register_task, tasks
from ranat.tasks.loading import load
from ranat.tasks.ner import NER
from ranat.tasks.relation import RelationClassification

__all__ = ["NER", "Encoded", "RelationClassification", "Stage", "Task", "load", "register_task", "tasks"]
