"""The examples of a prompt: the list, one of them, a file full of them, and how they came to be as they are."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import person
from common import query
from common.canonical import canonical_json
from common.errors import BadInput, NotFound, Refusal
from common.htmx import page_or_part
from evaluations import datasets, formats
from evaluations.api.examples import CHANGE, JSON_LINES
from evaluations.formats import Parsed
from evaluations.forms import ExampleForm, ImportForm
from evaluations.items import Item
from evaluations.models import DatasetVersion, Example
from versions.api.lookup import find_prompt
from versions.models import Prompt
from versions.views.presses import fields_of

PAGE = 50
VERSIONS = 20
WARNINGS = 5


@require_safe
def listing(request: HttpRequest, name: str) -> HttpResponse:
    """The examples of the present dataset version, or of an older one; and all versions."""
    prompt = find_prompt(name)
    newest = datasets.current(prompt)
    dataset = datasets.find(prompt, query.optional_number(request.GET, "dataset"))
    rows = _narrowed(request, dataset)
    may = person(request).may(CHANGE)
    context = {
        "prompt": prompt,
        "dataset": dataset,
        "newest": newest,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "versions": Paginator(_versions(prompt), VERSIONS).get_page(request.GET.get("versions")),
        "may_change": may,
        "can_change": may and (newest is None or dataset == newest),
        "narrowed": bool(request.GET.get("search") or request.GET.get("tag")),
        "variables": datasets.variables_of(prompt),
    }
    return page_or_part(request, "evaluations/examples.html", "results", context)


def _narrowed(request: HttpRequest, dataset: DatasetVersion | None) -> Any:
    rows = Example.objects.filter(items__dataset=dataset) if dataset else Example.objects.none()
    if search := request.GET.get("search", "").strip():
        # JSON is kept in ASCII: other letters are looked for as they are written there.
        written = _as_written(search)
        rows = rows.filter(Q(key__icontains=search) | Q(input__icontains=written) | Q(expected__icontains=written))
    if tag := request.GET.get("tag", "").strip():
        rows = rows.filter(tags__contains=f'"{_as_written(tag)}"')
    return rows.order_by("items__position")


def _as_written(text: str) -> str:
    return canonical_json(text)[1:-1]


def _boxes(prompt: Prompt) -> list[dict[str, Any]]:
    """A box for each variable of the newest version, as the TEST panel has them."""
    newest = prompt.versions.current().newest_first().select_related("prompt").first()
    return fields_of(newest, {}) if newest else []


def _versions(prompt: Prompt) -> Any:
    return DatasetVersion.objects.filter(prompt=prompt).order_by("-number")


@require_safe
def download(request: HttpRequest, name: str) -> HttpResponse:
    """A dataset version as JSON lines, in a file."""
    prompt = find_prompt(name)
    dataset = datasets.find(prompt, query.optional_number(request.GET, "dataset"))
    if dataset is None:
        raise NotFound(f"'{prompt.name}' has no examples yet.")
    file = f"{slugify(prompt.name.replace('.', '-')) or 'prompt'}-examples-{dataset.number}.jsonl"
    return HttpResponse(
        formats.as_lines(datasets.items_of(dataset)), content_type=JSON_LINES,
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )  # fmt: skip


@require_safe
def one(request: HttpRequest, name: str) -> HttpResponse:
    """One example whole: `id` names it, `dataset` the version where it is not the present one."""
    prompt = find_prompt(name)
    dataset = datasets.find(prompt, query.optional_number(request.GET, "dataset"))
    example = _example(dataset, request.GET.get("id", ""))
    latest = datasets.current(prompt)
    context = {
        "prompt": prompt, "dataset": dataset, "newest": latest, "example": example,
        "may_change": person(request).may(CHANGE), "is_present": dataset == latest,
        "results": example.results.filter(run__prompt=prompt).select_related("run").order_by("-pk")[:10],
    }  # fmt: skip
    return render(request, "evaluations/example.html", context)


def _example(dataset: DatasetVersion | None, key: str) -> Example:
    found = Example.objects.filter(items__dataset=dataset, key=key).first() if dataset else None
    if found is None:
        raise NotFound(f'There is no example "{key}" here. It may have been removed; older datasets still have it.')
    return found


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, name: str) -> HttpResponse:
    """One more example."""
    prompt, by = find_prompt(name), person(request)
    by.require(CHANGE)
    boxes = _boxes(prompt)
    if request.method == "GET":
        return _form(request, prompt, ExampleForm(boxes))
    form = ExampleForm(boxes, data=request.POST)
    parsed = form.read(datasets.reads(prompt), datasets.items_of(datasets.current(prompt)))
    if form.errors:
        return _form(request, prompt, form, status=422)
    try:
        datasets.add(prompt, by=by, examples=parsed.items)
    except Refusal as refusal:
        return _form(request, prompt, form, refusal=refusal)
    _say(request, f"The example {parsed.items[0].key} is added.", parsed)
    return redirect("evaluations:example_add" if request.POST.get("more") else "evaluations:examples", prompt.name)


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, name: str) -> HttpResponse:
    """Another example in the place of one; `id` names it."""
    prompt, by = find_prompt(name), person(request)
    by.require(CHANGE)
    dataset, key = datasets.current(prompt), request.GET.get("id", "")
    item = datasets.item_of(_example(dataset, key))
    boxes = _boxes(prompt)
    if request.method == "GET":
        return _form(request, prompt, ExampleForm(boxes, item))
    form = ExampleForm(boxes, item, request.POST)
    others = [other for other in datasets.items_of(dataset) if other.key != key]
    parsed = form.read(datasets.reads(prompt), others)
    if form.errors:
        return _form(request, prompt, form, status=422)
    try:
        after = datasets.change_one(prompt, by=by, key=key, item=parsed.items[0], seen=_seen(request))
    except Refusal as refusal:
        return _form(request, prompt, form, refusal=refusal)
    said = f"{parsed.items[0].key} is saved." if after != dataset else "Nothing to save: the example is the same."
    _say(request, said, parsed)
    return redirect("evaluations:examples", prompt.name)


def _form(
    request: HttpRequest, prompt: Prompt, form: ExampleForm, *, status: int = 200, refusal: Refusal | None = None
) -> HttpResponse:
    context = {"prompt": prompt, "form": form, "refusal": refusal, "seen": _number(prompt),
               "must_expect": datasets.reads(prompt)["must_expect"]}  # fmt: skip
    return render(request, "evaluations/example_form.html", context, status=refusal.status if refusal else status)


@require_POST
def remove(request: HttpRequest, name: str) -> HttpResponse:
    """Leave the chosen examples out from now on."""
    prompt, by = find_prompt(name), person(request)
    by.require(CHANGE)
    keys = request.POST.getlist("id")
    try:
        if not keys:
            raise BadInput("No example was chosen. Tick those that are to go.")
        datasets.remove(prompt, by=by, keys=keys, seen=_seen(request))
        many = f"{len(keys)} examples are" if len(keys) > 1 else f"The example {keys[0]} is"
        messages.success(request, f"{many} removed. Earlier datasets still have {'them' if len(keys) > 1 else 'it'}.")
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    return redirect("evaluations:examples", prompt.name)


@require_POST
def restore(request: HttpRequest, name: str) -> HttpResponse:
    """Make the examples of an earlier dataset the present ones again, as a new version."""
    prompt, by = find_prompt(name), person(request)
    by.require(CHANGE)
    earlier = datasets.find(prompt, query.whole_number(request.POST, "dataset", default=1))
    try:
        said = f"As in dataset {earlier.number if earlier else 0}"
        now = datasets.replace(prompt, by=by, examples=datasets.items_of(earlier), note=said, seen=_seen(request))
        messages.success(request, f"The {now.count} examples of that dataset are the present ones again.")
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    return redirect("evaluations:examples", prompt.name)


@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest, name: str) -> HttpResponse:
    """Examples out of a text or files: every bad line is named, and then nothing is stored."""
    prompt, by = find_prompt(name), person(request)
    by.require(CHANGE)
    if request.method == "GET":
        return _import_page(request, prompt, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _import_page(request, prompt, form, status=422)
    given: dict[str, Any] = {}
    try:
        sources = form.sources(request.FILES.getlist("uploads"))
        given = form.mendable(sources) or {}
        parsed = _stored(request, prompt, form, sources)
    except Refusal as refusal:
        shown = ImportForm({**request.POST.dict(), **given}) if given else form
        return _import_page(request, prompt, shown, refusal=refusal)
    many = f"{len(parsed.items)} examples are" if len(parsed.items) != 1 else "One example is"
    _say(request, f"{many} read.", parsed)
    return redirect("evaluations:examples", prompt.name)


def _stored(request: HttpRequest, prompt: Prompt, form: ImportForm, sources: list[Any]) -> Parsed:
    by, more = person(request), form.cleaned_data["way"] == "add"
    present: list[Item] = datasets.items_of(datasets.current(prompt)) if more else []
    parsed = formats.parse(sources, present=present, **datasets.reads(prompt))
    items, note = datasets.refuse_problems(parsed), form.cleaned_data["note"]
    if more:
        datasets.add(prompt, by=by, examples=items, note=note)
    else:
        given = datasets.refuse_nothing(items)
        datasets.replace(prompt, by=by, examples=given, note=note, seen=_seen(request))
    return parsed


def _import_page(
    request: HttpRequest, prompt: Prompt, form: ImportForm, *, status: int = 200, refusal: Refusal | None = None
) -> HttpResponse:
    problems = refusal.data.get("errors", {}) if refusal and refusal.code == "bad_examples" else {}
    context = {
        "prompt": prompt, "form": form, "refusal": refusal, "problems": problems, "seen": _number(prompt),
        "present": datasets.current(prompt), "variables": datasets.variables_of(prompt),
        "must_expect": datasets.reads(prompt)["must_expect"],
    }  # fmt: skip
    return render(request, "evaluations/import.html", context, status=refusal.status if refusal else status)


def _number(prompt: Prompt) -> int:
    """What a form says was seen: the number of the present dataset, 0 for none."""
    present = datasets.current(prompt)
    return present.number if present else 0


def _seen(request: HttpRequest) -> int:
    """The dataset that the pressed button was drawn with. Raises BadInput for a form that does not say."""
    if not request.POST.get("seen"):
        raise BadInput("This form does not say what you saw. Reload the page and press again.", code="unseen")
    return query.whole_number(request.POST, "seen", default=0, least=0)


def _say(request: HttpRequest, said: str, parsed: Parsed) -> None:
    """That it worked, and what may be a mistake all the same."""
    doubts = [str(doubt) for doubt in parsed.warnings]
    more = f" And {len(doubts) - WARNINGS} more." if len(doubts) > WARNINGS else ""
    messages.success(request, said)
    if doubts:
        messages.warning(request, f"Look again: {' '.join(doubts[:WARNINGS])}{more}")
