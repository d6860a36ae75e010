"""Tasks: how documents become examples, and predictions become documents again."""

from ranat.tasks.base import Encoded, Task, register_task, tasks

__all__ = ["Encoded", "Task", "register_task", "tasks"]
