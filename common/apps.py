import logging

from django.apps import AppConfig

logger = logging.getLogger("promptledger.telemetry")


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        """Say once, in every process, what telemetry was asked for and cannot be had: it is no reason not to start."""
        from common import telemetry

        for said in telemetry.wanted.wrong:
            logger.warning(said)
