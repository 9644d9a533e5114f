"""From Kafka to bronze: the S3 sink plugin, the connector's definition and its registration."""
