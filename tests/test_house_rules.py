"""Every house rule fires on a small sample, and leaves what is allowed alone."""

import pytest

from tools import house_rules
from tools.house_rules import breaches_in

ROOT_HOME = "/" + "root/data"  # in two parts: this file is held to the rules as well

BROKEN = [
    ("unescaped", "versions/views/reading.py", "from django.utils.safestring import mark_safe\n"),
    ("unescaped", "versions/views/reading.py", "text = safestring.mark_safe(text)\n"),
    ("unescaped", "versions/views/reading.py", "text = SafeString(text)\n"),
    ("unescaped", "templates/home.html", "<p>{{ text|safe }}</p>\n"),
    ("unescaped", "templates/home.html", "<p>{{ text | safe }}</p>\n"),
    ("unescaped", "templates/home.html", "{% autoescape off %}{{ text }}{% endautoescape %}\n"),
    ("csrf", "versions/views/presses.py", "@csrf_exempt\ndef press(request): ...\n"),
    ("csrf", "versions/urls.py", "from django.views.decorators.csrf import csrf_exempt as open_to_all\n"),
    ("inline-code", "templates/home.html", '<button hx-on:click="go()">Go</button>\n'),
    ("inline-code", "templates/home.html", "<button hx-vals='js:{a: 1}'>Go</button>\n"),
    ("inline-code", "templates/home.html", '<a href="javascript:go()">Go</a>\n'),
    ("inline-code", "templates/home.html", '<body onload="go()">\n'),
    ("inline-code", "templates/home.html", "<input ONCHANGE='go()'>\n".lower()),
    ("inline-code", "templates/home.html", "<script>go()</script>\n"),
    ("inline-code", "templates/home.html", '<script type="module">go()</script>\n'),
    ("inline-style", "templates/home.html", '<p style="color: red">Red</p>\n'),
    ("inline-style", "templates/home.html", "<style>p { color: red }</style>\n"),
    ("markup-from-text", "static/js/app.js", "box.innerHTML = text;\n"),
    ("markup-from-text", "static/js/app.js", "box.insertAdjacentHTML('beforeend', text);\n"),
    ("markup-from-text", "static/js/app.js", "eval(text);\n"),
    ("markup-from-text", "static/js/app.js", "setTimeout('go()', 10);\n"),
    ("broad-except", "common/text.py", "try:\n    go()\nexcept Exception:\n    pass\n"),
    ("broad-except", "common/text.py", "try:\n    go()\nexcept (ValueError, Exception) as error:\n    pass\n"),
    ("broad-except", "tests/test_up.py", "try:\n    go()\nexcept:\n    pass\n"),
    ("plain-save", "executions/running.py", "version.save()\n"),
    ("plain-save", "executions/running.py", "self.draft.save(update_fields=['config'])\n"),
    ("plain-save", "versions/putting.py", "PromptVersion(prompt=prompt).save()\n"),
    ("stage-written", "versions/putting.py", "prompt.versions.filter(pk=1).update(stage='PRD')\n"),
    ("stage-written", "promptledger/demo/support.py", "PromptVersion.objects.bulk_update(found, ['stage'])\n"),
    ("stage-written", "versions/actions.py", "version.stage, version.revision = Stage.PRD, 2\n"),
    ("stage-compared", "versions/views/screen.py", "if version.stage == Stage.DEV:\n    pass\n"),
    ("stage-compared", "versions/api/versions.py", "allowed = version.stage in EDITABLE\n"),
    ("stage-compared", "agents/admin.py", "allowed = stage != 'PRD'\n"),
    ("stage-compared", "accounts/views.py", "live = 'PRD' == prompt.versions.first().stage\n"),
    ("stage-compared", "templates/home.html", "{% if version.stage == 'DEV' %}Edit{% endif %}\n"),
    ("stage-compared", "templates/home.html", "{% if a %}{% elif version.stage in live %}Live{% endif %}\n"),
    ("stage-compared", "templates/home.html", "{% if 'PRD' == version.stage %}Live{% endif %}\n"),
    ("long-file", "versions/actions.py", "x = 1\n" * 401),
    ("machine-path", "README.md", f"Open {ROOT_HOME}.\n"),
    ("machine-path", "promptledger/settings.py", f"DATA = '{ROOT_HOME}'\n"),
    ("machine-path", "Makefile", f"run:\n\tcd {ROOT_HOME}\n"),
    ("address", "requirements/base.lock", "--index-url https://packages.example/simple\n"),
    ("address", "requirements/base.lock", "django @ file:///wheels/django.whl\n"),
    ("address", "frontend/package-lock.json", '"resolved": "https://packages.example/a.tgz"\n'),
]

ALLOWED = [
    ("templates/home.html", '<script src="{% static "js/app.js" %}" defer></script>\n'),
    ("templates/home.html", '<button data-style="wide" hx-vals=\'{"stage": "DEV"}\' hx-trigger="load">Go</button>\n'),
    ("templates/home.html", "{% if request.GET.stage == value %}selected{% endif %}\n"),
    ("templates/home.html", '<span class="stage {{ version.stage|lower }}">{{ version.stage }}</span>\n'),
    ("versions/views/reading.py", "counts = {stage: 0 for stage in Stage}\n"),
    ("versions/views/reading.py", 'said = "mark_safe, csrf_exempt (except: Exception)"  # version.save()\n'),
    ("versions/api/lookup.py", "same = seen.stage in (None, now.stage)\n"),
    ("versions/admin.py", "def shown(self) -> SafeString:\n    return format_html('<b>{}</b>', self)\n"),
    ("versions/stages.py", "editable = version.stage == Stage.DEV\n"),
    ("versions/models/transitions.py", "version.stage = to\nversion.save(update_fields=['stage'])\n"),
    ("executions/running.py", "run.save()\nexpected.stage = 'PRD'\n"),
    ("tests/versions/test_guards.py", "PromptVersion.objects.update(stage='PRD')\nversion.save()\n"),
    ("benchmarks/scratch.py", "PromptVersion.objects.update(stage='PRD')\n"),
    ("tests/versions/test_guards.py", "x = 1\n" * 401),
    ("versions/migrations/0001_initial.py", "x = 1\n" * 401),
    ("versions/actions.py", "x = 1\n" * 400),
    ("static/vendor/editor.js", "box.innerHTML = text;\n"),
    ("docs/api.md", "`GET /v1/prompts/root/work/` and <https://example.org/work/1>\n"),
    ("requirements/dev.lock", "pytest-httpserver==1.2.0 \\\n    --hash=sha256:00ff\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), BROKEN)
def test_a_breach_is_found(rule, name, text):
    assert {breach.rule for breach in breaches_in(name, text)} == {rule}


@pytest.mark.parametrize(("name", "text"), ALLOWED)
def test_what_is_allowed_is_left_alone(name, text):
    assert breaches_in(name, text) == []


def test_every_rule_is_proven():
    assert {rule for rule, _, _ in BROKEN} == set(house_rules.WHY)


def test_a_breach_says_where_and_why():
    (breach,) = breaches_in("common/text.py", "try:\n    go()\nexcept Exception:\n    pass\n")
    assert str(breach) == "common/text.py:3: broad-except: catch the narrowest exception"


def test_a_breach_in_the_tree_fails_the_check(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(house_rules, "ROOT", tmp_path)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    sound, broken = tmp_path / "sound.py", tmp_path / "broken.html"
    sound.write_text("x = 1\n")
    monkeypatch.setattr(house_rules, "tracked", lambda: sorted(tmp_path.iterdir()))
    assert (house_rules.main(), capsys.readouterr().out) == (0, "")
    broken.write_text("<p>\n{{ text|safe }}</p>\n")
    assert house_rules.main() == 1
    assert capsys.readouterr().out == "broken.html:2: unescaped: text of strangers is always escaped\n"
