"""Measurements: memory, throughput and accuracy. Each writes a page and a picture to docs/benchmarks."""
