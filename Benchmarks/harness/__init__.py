"""Common parts of the adapters and `run`. Benchmarks/README.md says how they fit together."""
