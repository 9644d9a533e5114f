"""EventBridge Pipes: moves the records of a table's stream to a Kinesis stream, as documented for AWS."""
