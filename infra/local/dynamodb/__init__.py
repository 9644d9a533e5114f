"""DynamoDB of the emulator on the journal: a write is acknowledged once item and stream record are on disk together."""
