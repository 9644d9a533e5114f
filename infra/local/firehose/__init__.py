"""Amazon Data Firehose to S3: transform, buffer, compress, deliver and keep what fails, as documented for AWS."""
