"""A `gh` for tests: its state is a file, locked while it runs; it knows the words that tools/release.py uses, and no others.

Its first argument is the folder of the world. What it refuses is in the state: {"refuse": {"pr create": "why"}};
"after pr create": it does it, and the answer is lost.
Few imports: it is started some thousand times.
"""

import fcntl
import json
import os
import sys

FOLDER = sys.argv.pop(1)
URL = "https://github.example/acme/promptledger/pull/{}"


def fail(why):
    sys.stderr.write(f"{why}\n")
    sys.exit(1)


def has(ref):
    """Whether the server has this ref."""
    return os.path.exists(f"{FOLDER}/server.git/{ref}")


def options(words, *names):
    """What stands behind each of these options; nothing else may be there."""
    given = dict(zip(words[::2], words[1::2], strict=True))
    if set(given) != set(names):
        fail(f"unknown flag, or one is missing: {words}")
    return [given[name] for name in names]


def pr_create(state, words):
    base, head, title, body = options(words, "--base", "--head", "--title", "--body")
    if base != "main" or not has(f"refs/heads/{head}"):
        fail(f"pull request create failed: GraphQL: Head sha can't be blank, no commits between main and {head}")
    if any((pull["head"], pull["state"], pull.get("fork", False)) == (head, "open", False) for pull in state["pulls"]):
        fail(f'a pull request for branch "{head}" into branch "main" already exists')
    url = URL.format(len(state["pulls"]) + 1)
    state["pulls"].append({"head": head, "title": title, "body": body, "state": "open", "url": url})
    print(url)


def pr_list(state, words):
    assert options(words, "--state", "--limit", "--json") == ["open", "1000", "headRefName,url,isCrossRepository"]
    pulls = [pull for pull in state["pulls"] if pull["state"] == "open"]
    keys = {"headRefName": "head", "url": "url", "isCrossRepository": "fork"}
    print(json.dumps([{key: pull.get(ours, False) for key, ours in keys.items()} for pull in pulls]))


def release_create(state, words):
    tag, words = words[0], words[1:]
    latest, generated = "--latest=false" not in words, "--generate-notes" in words
    words.remove("--verify-tag")  # a tag that is not there would be made, on whatever main is then
    rest = [word for word in words if word not in {"--latest=false", "--generate-notes"}]
    title, *notes = options(rest, "--title", *([] if generated else ["--notes-file"]))
    assert generated or notes == ["-"]
    if not has(f"refs/tags/{tag}"):
        fail(f"tag {tag} doesn't exist in the repo acme/promptledger, aborting due to --verify-tag flag")
    if tag in state["releases"]:
        fail("HTTP 422: Validation Failed. Release.tag_name already exists")
    note = None if generated else sys.stdin.read()
    state["releases"][tag] = {"title": title, "notes": note, "latest": latest}


def api(state, words):
    if words == ["--paginate", "repos/{owner}/{repo}/releases", "--jq", ".[].tag_name"]:
        print("\n".join(state["releases"]))
    elif words in (["repos/{owner}/{repo}"], ["repos/{owner}/{repo}/actions/permissions/workflow"]):
        answer = state["settings"][words[0].removeprefix("repos/{owner}/{repo}")]
        if answer is None:
            fail("gh: Resource not accessible by integration (HTTP 403)")
        print(json.dumps(answer))
    else:
        fail(f"unknown: gh api {words}")


def setup_git(state, words):
    assert words == []
    assert os.environ["GH_TOKEN"]


DOES = {
    "auth setup-git": setup_git,
    "pr create": pr_create,
    "pr list": pr_list,
    "release create": release_create,
    "api": api,
}


def main():
    words = sys.argv[1:]
    split = 1 if words[0] == "api" else 2
    name, rest = " ".join(words[:split]), words[split:]
    with open(f"{FOLDER}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(f"{FOLDER}/github.json") as file:
            state = json.load(file)
        why = state["refuse"].get("*") or state["refuse"].get(name)
        if why:
            fail(why.replace("TOKEN", os.environ.get("GH_TOKEN", "")))
        DOES[name](state, rest)
        if name not in {"auth setup-git", "pr list", "api"}:
            with open(f"{FOLDER}/github.new", "w") as file:
                json.dump(state, file)
            os.rename(f"{FOLDER}/github.new", f"{FOLDER}/github.json")
        if lost := state["refuse"].get(f"after {name}"):
            fail(lost)


main()
