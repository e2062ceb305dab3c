from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PromptLedgerConfig(AppConfig):
    name = "promptledger"
    verbose_name = "PromptLedger"


class PromptLedgerAdminConfig(AdminConfig):
    default_site = "promptledger.admin.PromptLedgerAdminSite"
