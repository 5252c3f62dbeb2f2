"""Train steps written by hand in the plain frameworks, to be measured against."""
