"""The errors a user can meet, each saying what came, what was expected and what to do next.

LakehouseError
├── ConfigError       a setting, a file or the machine is wrong: final until a person changes it
├── ContractError     data or a table breaks a contract of DESIGN: final
└── SourceError       something outside did not answer or answered with a fault: worth another try
"""


class LakehouseError(Exception):
    """Base of all errors of this project.

    Args:
        received: What came, in words.
        expected: What was expected instead; left out when empty.
        action: What the reader should do next; left out when empty.
    """

    retryable = False

    def __init__(self, received: str, expected: str = "", action: str = "") -> None:
        self.received, self.expected, self.action = received, expected, action
        parts = [received, f"expected {expected}" if expected else "", action]
        super().__init__("; ".join(part for part in parts if part))


class ConfigError(LakehouseError):
    """A setting, a file or the machine itself is not as it must be."""


class ContractError(LakehouseError):
    """Data, an object or a table breaks a contract between the parts."""


class SourceError(LakehouseError):
    """A broker, a bucket or another service failed; the same call may work later."""

    retryable = True
