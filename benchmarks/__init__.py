"""What is measured, beside the pipeline of the tutorials: each module with a `run` is a part of docs/benchmarks.md."""
