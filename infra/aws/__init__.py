"""What the lake is on AWS: its catalogue and the queries deployed with it."""
