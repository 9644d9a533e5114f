"""Pure steps from DataFrame to DataFrame: they know no clock, session, bucket or settings."""
