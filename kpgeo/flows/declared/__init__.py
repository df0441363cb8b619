"""What was declared, held against what was seen."""
