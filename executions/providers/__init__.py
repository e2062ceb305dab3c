"""Who answers a prompt. A provider is one class with one method in one file; settings name them by dotted path.

`for_environment` chooses, `Chosen.ask` asks and says what it cost. Nothing here loads a vendor's library.
"""

from executions.providers.answers import NOT_CONFIGURED, RETRYABLE, Answer, Connection, OnText, Provider, ProviderError
from executions.providers.choosing import Chosen, for_environment

__all__ = [
    "NOT_CONFIGURED",
    "RETRYABLE",
    "Answer",
    "Chosen",
    "Connection",
    "OnText",
    "Provider",
    "ProviderError",
    "for_environment",
]
