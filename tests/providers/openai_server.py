"""A server that speaks OpenAI's chat completions and Anthropic's messages, a process of its own, faulty on demand.

    python -m tests.providers.openai_server PORT

The model's name is the script: `echo`, `slow-2`, `slowly-0.5` (a pause after each piece), `stall-2`, `status-400`,
`limited-7` (429, Retry-After: 7), `flaky-2-500` (fails twice for each idempotency key, then answers), `cut-off`,
`quiet-end`, `garbage`, `html`, `odd`, `empty`, `length`, `refusal`, `filtered`, `tools`, `overloaded` (within a stream),
`redirect`, `parrot` (a 401 that repeats the key), `large-9` (MB), `together-100` (answers once so many ask at once),
`mute` (no usage). What it sends is checked against the SDK's own types by test_openai_server.py.
GET /_seen gives the requests it saw, and the most at once; POST /_forget forgets them.
"""

import json
import re
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    408: "timeout_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error", 529: "overloaded_error",
}  # fmt: skip
CALL = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
CREATED = 1_760_000_000


class Seen:
    """What the server remembers."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.requests: list[dict[str, Any]] = []
        self.failures: Counter[str] = Counter()
        self.at_once = self.most = 0

    def enter(self, request: dict[str, Any]) -> None:
        with self.lock:
            self.requests.append(request)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.lock.notify_all()

    def leave(self) -> None:
        with self.lock:
            self.at_once -= 1

    def fails_again(self, key: str, times: int) -> bool:
        with self.lock:
            self.failures[key] += 1
            return self.failures[key] <= times

    def wait_for(self, number: int) -> None:
        with self.lock:
            self.lock.wait_for(lambda: self.most >= number, timeout=120)

    def forget(self) -> None:
        with self.lock:
            self.requests, self.failures, self.most = [], Counter(), 0


seen = Seen()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pause = 0.0

    def log_message(self, *args: Any) -> None:
        """Nothing on the terminal."""

    def do_GET(self) -> None:
        if self.path == "/_seen":
            with seen.lock:
                self.send(200, {"requests": seen.requests, "most": seen.most})
        else:
            self.send(404, {"error": {"message": "Not found", "type": "not_found_error", "param": None, "code": None}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_forget":
            seen.forget()
            self.send(200, {})
            return
        self.body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen.enter({"path": self.path, "headers": headers, "body": self.body})
        try:
            name, numbers = self.script()
            getattr(self, f"on_{name.replace('-', '_')}", self.on_unknown)(*numbers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            seen.leave()

    def script(self) -> tuple[str, list[float]]:
        """`flaky-2-500` is ("flaky", [2, 500])."""
        model = self.body["model"]
        name = re.match(r"[a-z]+(?:-[a-z]+)*", model)
        return (name.group() if name else ""), [float(n) for n in re.findall(r"-([0-9.]+)", model)]

    # The scripts

    def on_echo(self) -> None:
        self.answer(self.asked())

    def on_mute(self) -> None:
        self.answer(self.asked(), usage=False)

    def on_slow(self, seconds: float) -> None:
        time.sleep(seconds)
        self.answer(self.asked())

    def on_slowly(self, seconds: float) -> None:
        """A piece, and a pause after each."""
        self.pause = seconds
        self.answer(self.asked())

    def on_stall(self, seconds: float) -> None:
        self.start_stream() if self.body.get("stream") else self.start(200, 1000, "application/json")
        self.wfile.write(b": \n\n" if not self.body.get("stream") else b"")
        for piece in ("one ", "two "):
            self.piece(piece)
        time.sleep(seconds)
        self.close_connection = True

    def on_status(self, status: float) -> None:
        self.fail(int(status), f"This is what status {status:.0f} looks like.")

    def on_limited(self, seconds: float) -> None:
        self.fail(429, "Rate limit reached.", {"Retry-After": f"{seconds:g}"})

    def on_flaky(self, times: float, status: float) -> None:
        key = self.headers.get("Idempotency-Key") or self.asked()
        if seen.fails_again(f"{self.body['model']} {key}", int(times)):
            self.fail(int(status), "Not yet.")
            return
        self.answer(self.asked())

    def on_cut_off(self) -> None:
        if self.body.get("stream"):
            self.start_stream()
            self.piece("Half of an ans")
        else:
            raw = json.dumps(self.completion("Half of an answer")).encode()
            self.start(200, len(raw), "application/json")
            self.wfile.write(raw[: len(raw) // 2])
        self.close_connection = True

    def on_quiet_end(self) -> None:
        """The stream ends in good order, but nobody said that the answer is at its end."""
        self.start_stream()
        self.piece("Half of an ans")
        self.chunk(b"")

    def on_garbage(self) -> None:
        if self.body.get("stream"):
            self.start_stream()
            self.chunk(b"data: {{{ not json\n\n")
            self.chunk(b"")
            return
        self.raw(200, b"<html>It works!</html>", "application/json")

    def on_html(self) -> None:
        self.raw(200, b"<html>Welcome to the gateway</html>", "text/html")

    def on_odd(self) -> None:
        self.raw(200, b'{"choices": 7, "usage": "many"}', "application/json")

    def on_empty(self) -> None:
        self.answer("")

    def on_refusal(self) -> None:
        self.answer(None, refusal="I cannot help with that.")

    def on_filtered(self) -> None:
        self.answer("Well, ", finish="content_filter")

    def on_length(self) -> None:
        self.answer("", finish="length")

    def on_tools(self) -> None:
        self.answer(None, finish="tool_calls", calls=[{"id": "call_1", "type": "function", "function": CALL}])

    def on_redirect(self) -> None:
        self.raw(307, b"", "text/plain", {"Location": "http://127.0.0.1:1/v1/chat/completions"})

    def on_parrot(self) -> None:
        key = self.headers.get("Authorization") or self.headers.get("x-api-key")
        self.fail(401, f"Incorrect API key provided: {key}.")

    def on_large(self, megabytes: float) -> None:
        self.answer("x" * int(megabytes * 1_000_000))

    def on_together(self, number: float) -> None:
        seen.wait_for(int(number))
        self.answer(self.asked())

    def on_overloaded(self) -> None:
        """An error in the middle of a stream."""
        self.start_stream()
        self.piece("Well, ")
        error = {"message": "The server is overloaded.", "type": "server_error", "param": None, "code": None}
        self.chunk(f"data: {json.dumps({'error': error})}\n\n".encode())
        self.chunk(b"")

    def on_unknown(self, *numbers: float) -> None:
        self.fail(404, f"The model '{self.body['model']}' does not exist.", code="model_not_found")

    # What they are made of

    @property
    def anthropic(self) -> bool:
        return self.path.endswith("/messages")

    def asked(self) -> str:
        said = self.body["messages"][-1]["content"]
        return said if isinstance(said, str) else said[0]["text"]

    def usage(self, text: str) -> dict[str, int]:
        asked = len(" ".join(str(message["content"]) for message in self.body["messages"]).split())
        said = len(text.split())
        if self.anthropic:
            return {"input_tokens": asked, "output_tokens": said}
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    def answer(
        self,
        text: str | None,
        *,
        finish: str = "stop",
        refusal: str | None = None,
        calls: Any = None,
        usage: bool = True,
    ) -> None:
        if self.anthropic:
            self.answer_anthropic(text or "", finish=finish)
            return
        if self.body.get("stream"):
            self.stream(text, finish, refusal, calls, usage)
        else:
            self.send(200, self.completion(text, finish, refusal, calls, usage))

    def completion(
        self, text: str | None, finish: str = "stop", refusal: str | None = None, calls: Any = None, usage: bool = True
    ) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": refusal}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        made = {"id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": self.said_model(),
                "choices": [choice]}  # fmt: skip
        return {**made, "usage": self.usage(text or "")} if usage else made

    def said_model(self) -> str:
        return f"{self.body['model']}-2026-01-01"

    def stream(self, text: str | None, finish: str, refusal: str | None, calls: Any, usage: bool) -> None:
        self.start_stream()
        self.event({"role": "assistant", "content": "", "refusal": None})
        for piece in re.findall(r"\S+\s*|\s+", text or ""):
            self.piece(piece)
        if refusal:
            self.event({"refusal": refusal})
        for index, call in enumerate(calls or []):
            self.event({"tool_calls": [{"index": index, "id": call["id"], "type": "function",
                                        "function": {"name": CALL["name"], "arguments": ""}}]})  # fmt: skip
            for part in (CALL["arguments"][:5], CALL["arguments"][5:]):
                self.event({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        self.event({}, finish)
        if usage and (self.body.get("stream_options") or {}).get("include_usage"):
            self.chunk_of({"choices": [], "usage": self.usage(text or "")})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def piece(self, text: str) -> None:
        self.event({"content": text})
        time.sleep(self.pause)

    def event(self, delta: dict[str, Any], finish: str | None = None) -> None:
        self.chunk_of({"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    def chunk_of(self, fields: dict[str, Any]) -> None:
        said = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": self.said_model()}
        self.chunk(f"data: {json.dumps({**said, **fields})}\n\n".encode())

    def answer_anthropic(self, text: str, finish: str) -> None:
        reason = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}.get(finish, "end_turn")
        made = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.said_model(),
            "stop_sequence": None,
        }
        if not self.body.get("stream"):
            content = [{"type": "text", "text": text}] if text else []
            self.send(200, {**made, "content": content, "stop_reason": reason, "usage": self.usage(text)})
            return
        self.start_stream()
        began = {**made, "content": [], "stop_reason": None, "usage": {**self.usage(""), "output_tokens": 1}}
        self.named("message_start", message=began)
        self.named("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for piece in re.findall(r"\S+\s*|\s+", text):
            self.named("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
        self.named("content_block_stop", index=0)
        used = {"output_tokens": self.usage(text)["output_tokens"]}
        self.named("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=used)
        self.named("message_stop")
        self.chunk(b"")

    def named(self, event: str, **data: Any) -> None:
        self.chunk(f"event: {event}\ndata: {json.dumps({'type': event, **data})}\n\n".encode())

    def fail(self, status: int, message: str, headers: dict[str, str] | None = None, code: str | None = None) -> None:
        error: dict[str, Any] = {"type": ERRORS.get(status, "server_error"), "message": message}
        if self.anthropic:
            self.send(status, {"type": "error", "error": error, "request_id": "req_1"}, headers)
            return
        self.send(status, {"error": {**error, "param": None, "code": code}}, headers)

    def send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.raw(status, json.dumps(body).encode(), "application/json", headers)

    def raw(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.start(status, len(body), kind, headers)
        self.wfile.write(body)

    def start(self, status: int, length: int | None, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def start_stream(self) -> None:
        self.start(200, None, "text/event-stream")

    def chunk(self, data: bytes) -> None:
        """One chunk of a chunked body; the empty one ends it."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    print("ready", flush=True)
    server.serve_forever()
