"""What is measured: each module is a figure of docs/benchmarks.md, run with `make bench`."""
