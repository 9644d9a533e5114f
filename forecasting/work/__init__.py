"""What the service's workers do: from a job's inputs by data and engine to its artefacts."""
