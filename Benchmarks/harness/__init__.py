"""What the adapters and `run` share. Benchmarks/README.md says how they fit together."""
