"""CloudFormation of the gateway: types of our templates that the emulator lacks, and properties that it drops."""
