"""One frozen options class per stage, and the pipeline file."""
