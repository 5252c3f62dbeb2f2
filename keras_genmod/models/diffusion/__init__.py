"""Models that undo noise step by step."""
