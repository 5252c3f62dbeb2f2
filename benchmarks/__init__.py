"""Speed and quality, measured beside references; the figures are in RESULTS.md."""
