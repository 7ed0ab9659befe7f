"""The playground's server: what it answers, what it refuses, and that neither wears it out."""

import asyncio
import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest

from neurallambda.viewer.playground.gallery import gallery
from neurallambda.viewer.playground.jobs import perform
from neurallambda.viewer.playground.limits import PlaygroundLimits
from neurallambda.viewer.playground.pool import Pool
from neurallambda.viewer.playground.requests import Job, read_job

pytestmark = pytest.mark.skipif(find_spec("uvicorn") is None, reason="no uvicorn: pip install '.[serve]'")

ENDLESS = "((fn [x] (x x)) (fn [x] (x x)))"
Answer = dict[str, Any]


class Client:
    """Asks a playground."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        self.place = (parts.hostname, parts.port)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.place, timeout=30)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, given)
        response = connection.getresponse()
        found = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        connection.close()
        return found

    def ask(self, kind: str, **request: object) -> tuple[int, list[Answer]]:
        status, _, body = self.send(
            "POST", f"/api/{kind}", json.dumps(request).encode(), content_type="application/json"
        )
        return status, [json.loads(line) for line in body.splitlines()]

    def last(self, kind: str, **request: object) -> Answer:
        return self.ask(kind, **request)[1][-1]


@pytest.fixture
def client(playground: str) -> Client:
    return Client(playground)


def test_it_runs_the_first_program(client: Client) -> None:
    answer = client.last("run", source="((fn [x] '(x x x)) 42)")
    assert (answer["kind"], answer["value"], answer["steps"]) == ("result", "'(42 42 42)", 12)


@pytest.mark.parametrize("engine", ["machine", "worlds"])
def test_soft_holes_give_what_the_engine_gives(client: Client, engine: str) -> None:
    request = {"source": "(if ?c (+ 1 1) 5)", "engine": engine, "holes": {"c": [[True, 0.9], [False, 0.3]]}}
    here = list(perform(read_job("run", json.dumps(request).encode(), PlaygroundLimits())))[-1]
    there = client.last("run", **request)
    assert there["ends"] == here["ends"]
    assert [(round(chance, 4), text) for chance, text in there["ends"]] == [(0.75, "2"), (0.25, "5")]


def test_every_example_of_the_gallery_runs(client: Client) -> None:
    settings = json.loads(client.send("GET", "/api/settings")[2])
    assert len(settings["gallery"]) >= 12
    for example in settings["gallery"]:
        answer = client.last(
            "run", source=example["source"], engine=example.get("engine", "machine"), holes=example.get("holes", {})
        )
        assert answer["kind"] == "result", example["name"]
        assert ("error" in answer) == (example["name"] == "An error"), (example["name"], answer)


@pytest.mark.parametrize("engine", ["reference", "stepper", "beta-stepper", "worlds", "machine"])
def test_the_gallery_says_which_engines_run_a_program(engine: str) -> None:
    for example in gallery():
        request = {"source": example["source"], "engine": engine, "holes": example.get("holes", {})}
        *_, answer = perform(read_job("run", json.dumps(request).encode(), PlaygroundLimits()))
        assert (answer["kind"] == "problem") == (engine in example["refused"]), example["name"]
        assert example.get("engine", "machine") not in example["refused"]


def test_lists_are_given_to_workers_as_they_are() -> None:
    body = b'{"source": "?a", "holes": {"a": {"items": [[[1, 1]], {"items": [[[2, 1], [3, 1]]]}]}, "b": [[4, 1]]}}'
    job = read_job("trace", body, PlaygroundLimits())
    assert Job.of_json(job.to_json()) == job
    assert job.holes == {"a": [((1, 1.0),), [((2, 0.5), (3, 0.5))]], "b": ((4, 1.0),)}


def test_mistakes_are_told_with_their_place(client: Client) -> None:
    checked = client.last("check", source="(+ 1\n  (car '(1 2]))")
    assert (checked["problem"]["line"], checked["problem"]["column"]) == (2, 13)
    assert client.last("check", source="(+ ?a (sample ?b))")["holes"] == ["a", "b"]
    wrong = client.last("run", source="(+ 1\n   (car 2))")
    assert (wrong["error"]["kind"], wrong["error"]["line"], wrong["error"]["column"]) == ("not-a-pair", 2, 4)
    assert "?a" in client.last("run", source="?a")["problem"]["message"]


def test_a_run_that_takes_too_long_is_stopped_and_says_so() -> None:
    async def told() -> tuple[list[Answer], list[Answer]]:
        pool = Pool(PlaygroundLimits(seconds=0.6, runs=1))
        await pool.start()
        request = read_job("run", json.dumps({"source": ENDLESS, "engine": "beta"}).encode(), pool.limits)
        stopped = [answer async for answer in pool.perform(request)]
        after = [answer async for answer in pool.perform(Job(kind="check", source="("))]
        await pool.stop()
        return stopped, after

    with ThreadPoolExecutor(1) as other:  # this thread may have a loop already, for the browser
        stopped, after = other.submit(lambda: asyncio.run(told())).result()
    assert [answer["kind"] for answer in stopped[:-1]] == ["progress"] * (len(stopped) - 1)
    assert len(stopped) > 1
    assert stopped[-1]["problem"]["limit"] == "time"
    assert "longer than 0.6 seconds" in stopped[-1]["problem"]["message"]
    assert after[-1]["kind"] == "checked"


@pytest.mark.slow
def test_whoever_goes_away_stops_the_run(client: Client) -> None:
    body = json.dumps({"source": ENDLESS, "engine": "beta"}).encode()
    head = f"POST /api/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    gone = [socket.create_connection(client.place) for _ in range(2)]  # as many as may run at once
    for connection in gone:
        connection.sendall(head.encode() + body)
    for connection in gone:
        connection.recv(1)  # it goes on: there is progress to tell
        connection.close()
    answered = monotonic()
    assert client.last("run", source="(+ 1 2)")["value"] == "3"
    assert monotonic() - answered < 25  # the runs would have had half a minute


def test_limits_are_told(client: Client) -> None:
    status, [answer] = client.ask("run", source="1 " * 20_000)
    assert status == 400
    assert "40,000 characters" in answer["problem"]["message"]
    status, _, body = client.send("POST", "/api/run", b" " * 200_000, content_type="application/json")
    assert status == 413
    assert "larger than" in json.loads(body)["problem"]["message"]
    status, [answer] = client.ask("run", source="1", max_steps=10**9)
    assert status == 400
    assert "max_steps" in answer["problem"]["message"]
    steps = client.last("run", source=ENDLESS, engine="reference", max_steps=100)
    assert steps["error"]["kind"] == "out-of-steps"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"Host": "evil.example"}, 421),
        ("GET", "/", {"Host": "localhost.evil.example:80"}, 421),
        ("GET", "/", {"Host": "evil@localhost"}, 421),
        ("POST", "/api/run", {"Origin": "http://evil.example", "Content_Type": "application/json"}, 403),
        ("POST", "/api/run", {"Origin": "null", "Content_Type": "application/json"}, 403),
        ("POST", "/api/run", {"Content_Type": "text/plain"}, 415),
        ("POST", "/api/run", {}, 415),
        ("OPTIONS", "/api/run", {"Origin": "http://evil.example"}, 405),
        ("DELETE", "/", {}, 405),
        ("GET", "/assets/../app.py", {}, 404),
        ("GET", "/assets/..%2fpage.py", {}, 404),
        ("GET", "/assets/viewer.html", {}, 404),
        ("POST", "/api/shell", {"Content_Type": "application/json"}, 404),
        ("GET", "/api/run", {}, 405),
    ],
)
def test_others_are_refused(client: Client, method: str, path: str, headers: dict[str, str], status: int) -> None:
    found, sent, body = client.send(method, path, b"{}" if method == "POST" else b"", **headers)
    assert found == status
    assert json.loads(body)["problem"]["message"]
    assert not [name for name in sent if name.startswith("access-control")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"source": 1}',
        b'{"source": "1", "engine": "shell"}',
        b'{"source": "1", "engine": 3}',
        b'{"source": "1", "more": 1}',
        b'{"source": "\\ud800"}',
        b'{"source": "1", "max_steps": true}',
        b'{"source": "1", "holes": []}',
        b'{"source": "1", "holes": {"a": []}}',
        b'{"source": "1", "holes": {"a": [[1, -1]]}}',
        b'{"source": "1", "holes": {"a": [[1, 0]]}}',
        b'{"source": "1", "holes": {"a": [[1, NaN]]}}',
        b'{"source": "1", "holes": {"a": [[1, 1], [1, 1]]}}',
        b'{"source": "1", "holes": {"a": [["os.system", 1]]}}',
        b'{"source": "1", "holes": {"a": [[[1], 1]]}}',
        b'{"source": "1", "holes": {"?a": [[1, 1]]}}',
        b'{"source": "1", "holes": {"a": {"items": 1}}}',
        b'{"source": "1", "holes": {"a": {"items": [[]]}}}',
        b'{"source": "1", "holes": {"a": {"items": [], "more": 1}}}',
        b'{"source": "1", "holes": {"a": {"items": [' + b"[[1, 1]]," * 300 + b"[[1, 1]]]}}}",
        b'{"source": "1", "holes": {"a": ' + b'{"items": [' * 200 + b"]}" * 200 + b"}}",
    ],
)
def test_bad_requests_are_told_why(client: Client, body: bytes) -> None:
    status, _, answer = client.send("POST", "/api/run", body, content_type="application/json")
    assert status == 400
    assert json.loads(answer)["problem"]["message"]


def test_two_hundred_bad_requests_at_once_leave_it_healthy(client: Client) -> None:
    def bad(number: int) -> None:
        match number % 5:
            case 0:
                client.send("POST", "/api/run", b"{" * 1000, content_type="application/json")
            case 1:
                client.send("GET", "/nothing", Host="evil.example")
            case 2:
                with socket.create_connection(client.place) as connection:
                    connection.sendall(b"\x00\xff garbage\r\n\r\n")
            case 3:
                with socket.create_connection(client.place) as connection:
                    connection.sendall(b"POST /api/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{")
            case _:
                client.send("POST", "/api/run", b'{"source": "(((("}', content_type="application/json")

    with ThreadPoolExecutor(200) as many:
        list(many.map(bad, range(200)))
    assert client.last("run", source="(+ 20 22)")["value"] == "42"
    assert client.send("GET", "/")[0] == 200


def test_more_runs_than_places_wait_or_are_told(client: Client) -> None:
    def one(_: int) -> str:
        return client.last("run", source="(+ 1 2)").get("value", "busy")

    with ThreadPoolExecutor(20) as many:
        assert set(many.map(one, range(20))) == {"3"}


def test_the_page_may_run_no_script_of_its_text(client: Client) -> None:
    status, headers, body = client.send("GET", "/")
    policy = headers["content-security-policy"]
    assert status == 200
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy.replace("style-src-attr 'unsafe-inline'", "")
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert b"<script>" not in body
    other = client.send("GET", "/")[1]["content-security-policy"]
    assert other != policy


def test_a_port_that_is_taken_is_told(playground: str) -> None:
    import subprocess
    import sys

    port = playground.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "neurallambda", "serve", "--port", port],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"--port: cannot listen on {port}" in done.stderr
    assert "Traceback" not in done.stderr
