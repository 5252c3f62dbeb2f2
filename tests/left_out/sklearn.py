"""Stands for a package that a process of a test does without."""

raise ImportError("left out of this process")
