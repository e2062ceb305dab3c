from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class VersionsConfig(AppConfig):
    name = "versions"
    verbose_name = "Prompts"

    def ready(self) -> None:
        from versions import checks, guards  # noqa: F401  (checks register themselves)

        # SQLite drops a table's triggers when Django alters it; after every migration they are put back.
        pre_migrate.connect(guards.step_aside, sender=self, dispatch_uid="versions.guards")
        post_migrate.connect(guards.put_back, sender=self, dispatch_uid="versions.guards")
