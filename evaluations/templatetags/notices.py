"""What templates need of notices."""

from typing import Any

from django import template

from accounts.actors import person
from evaluations.models import Notice, NoticeKind
from evaluations.notices import answering

register = template.Library()
SHOWN = 5
TONES = {NoticeKind.BELOW: "bad", NoticeKind.REGRESSED: "bad", NoticeKind.SIGNAL: "bad", NoticeKind.READY: "good"}


@register.simple_tag(takes_context=True)
def open_notices(context: dict[str, Any], prompt: Any = None, some: Any = None) -> dict[str, Any]:
    """The newest open notices, of a prompt or of all, or `some` that were found; with what this person may do."""
    request = context["request"]
    if not some:
        rows = Notice.objects.filter(resolved_at=None).select_related("prompt", "target")
        some = list((rows.filter(prompt=prompt) if prompt else rows)[: SHOWN + 1])
        more = len(some) > SHOWN
        some = some[:SHOWN]
    else:
        more = False
    by = person(request)
    shown = [
        {
            "notice": notice,
            "tone": TONES.get(NoticeKind(notice.kind), "warn"),
            "may_approve": by.may(answering.PERMISSIONS[notice.proposal]) if notice.proposal else False,
            "may_dismiss": by.may(answering.DISMISS),
        }
        for notice in some
    ]
    return {"rows": shown, "more": more}
