"""The server: what it tells, what it refuses, and that no answer is lost."""

import concurrent.futures
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from keras_genmod.hype import (
    Observer,
    Study,
    StudyProtocol,
    StudyServer,
    create_study,
    simulate,
)
from keras_genmod.hype.results_page import results_page
from tests.hype.small_studies import images, small_study
from tests.several_processes import environment

pytestmark = pytest.mark.any_backend
ROOT = pathlib.Path(__file__).parents[2]


class Client:
    """Asks a server what a browser would, and what it would not."""

    def __init__(self, port):
        self.port = port
        self.headers = {"Content-Type": "application/json"}

    def raw(self, method, path, body=None, headers=None):
        """Returns the status, the headers and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def post(self, path, value, **headers):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        status, _, text = self.raw("POST", path, body, {**self.headers, **headers})
        return status, json.loads(text)

    def begin(self):
        """Returns a new evaluator's code and first trial."""
        status, answer = self.post("/api/start", {"consent": True})
        assert status == 200
        return answer["code"], self.post("/api/state", answer)[1]

    def answer(self, code, state, answer="real"):
        place = {name: state[name] for name in ("block", "position", "attempt")}
        return self.post("/api/trial", {"code": code, "answer": answer, **place})


@pytest.fixture
def served(tmp_path):
    """A study, its server and a client."""
    with small_study(tmp_path / "x.study") as study, StudyServer(study) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield study, server, Client(server.port)
        server.shutdown()
        thread.join()


@pytest.fixture
def client(served):
    return served[2]


def test_a_page_knows_its_study_by_a_name_that_no_other_has(served, tmp_path):
    study, _, client = served
    told = json.loads(client.raw("GET", "/api/study")[2])
    assert told["id"] == study.id and study.salt not in told.values()
    with small_study(tmp_path / "other", salt=None) as other:
        assert other.title == study.title and other.id != study.id


def test_the_page_and_its_files_come_from_here_alone(client):
    for path in ("/", "/study.css", "/study.js", "/display.js"):
        status, headers, body = client.raw("GET", path)
        assert status == 200 and int(headers["Content-Length"]) == len(body) > 500
        assert b"http://" not in body and b"https://" not in body
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    status, headers, body = client.raw("HEAD", "/")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 500


def test_a_session_by_hand(served):
    study, _, client = served
    code, state = client.begin()
    while state["stage"] in ("qualification", "judgement"):
        (image,) = state["images"]
        status, headers, png = client.raw("GET", f"/image/{image}")
        assert status == 200 and headers["Content-Type"] == "image/png"
        assert png == study.png(image)
        status, answer = client.answer(code, state, study.answer(state, True))
        assert status == 200 and answer["correct"] is True
        state = answer["state"]
    assert state == {"stage": "done"}
    assert study.scores()["a"].value == 0
    assert len(study.trials()) == 28


def test_nothing_tells_the_kinds_of_images_apart(served):
    client = served[2]
    state = client.begin()[1]
    texts = [json.dumps(state), client.raw("GET", "/api/study")[2].decode()]
    _, headers, _ = client.raw("GET", f"/image/{state['images'][0]}")
    texts.append(json.dumps({k: v for k, v in headers.items() if k != "Date"}))
    answers = '"answers": ["real", "fake"], '
    for text in texts:
        text = text.replace(answers, "")
        assert '"real"' not in text and "fake" not in text and "model" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/../x.study",
        "/..%2fx.study",
        "//etc/passwd",
        "/image/../../../../etc/passwd",
        "/image/%2e%2e%2fstudy.js",
        "/static/index.html",
        "/index.html",
        "/study.js/",
        "/study.js?x=1",
        "/server.py",
        "/image/",
        "/image/" + "0" * 32,
        "/image/' OR '1'='1",
        "/results",
        "/results/",
        "/results/wrong",
        "/results/wrong.csv",
        "/x.study",
        "*",
    ],
)
def test_other_paths_give_nothing(path, client):
    status, _, body = client.raw("GET", path.replace(" ", "%20"))
    assert status == 404 and len(body) < 100


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "::1"]
)
def test_other_names_of_this_machine_are_refused(host, served):
    study, server, client = served
    for method, path in (("GET", "/"), ("POST", "/api/start")):
        headers = {**client.headers, "Host": host}
        assert client.raw(method, path, b'{"consent": true}', headers)[0] == 421
    assert not study.database.rows("SELECT * FROM evaluator")
    good = {"Host": f"localhost:{server.port}"}
    assert client.raw("GET", "/", headers=good)[0] == 200


def test_two_host_headers_are_refused(served):
    _, server, client = served
    line = f"Host: 127.0.0.1:{server.port}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\n{line}Host: evil.example\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_origins_are_refused(headers, served):
    study, server, client = served
    status, _ = client.post("/api/start", {"consent": True}, **headers)
    assert status == 403
    assert client.raw("GET", "/api/study", headers=headers)[0] == 403
    assert not study.database.rows("SELECT * FROM evaluator")
    own = {"Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/start", {"consent": True}, **own)[0] == 200


@pytest.mark.parametrize(
    "body, headers, status",
    [
        (b"{" * 5000, {}, 413),
        (b"{}", {"Content-Length": "9" * 5000}, 413),
        (b"{}", {"Content-Length": "-1"}, 411),
        (b"{}", {"Content-Length": "two"}, 411),
        (b"{}", {"Content-Length": "\u00b2"}, 411),
        (b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}, 411),
        (b"consent=true", {"Content-Type": "text/plain"}, 415),
        (b"c=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"[]", {}, 400),
        (b"[" * 4000, {}, 400),
        (b'{"consent": NaN}', {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"", {}, 400),
        (b'{"consent": false}', {}, 400),
        (b'{"consent": 1}', {}, 400),
        (b'{"consent": true, "name": "Ann"}', {}, 400),
    ],
)
def test_bodies_that_are_none_are_refused(body, headers, status, served):
    study, _, client = served
    assert client.post("/api/start", body, **headers)[0] == status
    assert not study.database.rows("SELECT * FROM evaluator")


def test_a_body_that_is_cut_off_keeps_nothing(served):
    study, server, client = served
    code, state = client.begin()
    head = (
        f"POST /api/trial HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 90\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(head.encode() + b'{"code": "' + code.encode())
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert study.trials() == []
    assert client.answer(code, state)[0] == 200


@pytest.mark.parametrize(
    "change, status",
    [
        ({"code": "0" * 16}, 403),
        ({"code": 7}, 400),
        ({"code": "' OR 1 --"}, 403),
        ({"position": 1}, 409),
        ({"block": 5}, 409),
        ({"position": "0"}, 400),
        ({"position": 0.0}, 400),
        ({"answer": "left"}, 400),
        ({"answer": None}, 400),
        ({"shown_ms": -1}, 400),
        ({"shown_ms": 1e300}, 400),
        ({"frame_ms": 0}, 400),
        ({"dropped": True}, 400),
        ({"correct": True}, 400),
        ({"extra": 1}, 400),
    ],
)
def test_answers_that_make_no_sense_keep_nothing(change, status, served):
    study, _, client = served
    code, state = client.begin()
    good = {"code": code, "block": 0, "position": 0, "attempt": 0, "answer": "real"}
    assert client.post("/api/trial", {**good, **change})[0] == status
    assert study.trials() == []
    assert client.post("/api/trial", good)[0] == 200


def test_other_methods_and_paths_do_nothing(served):
    study, _, client = served
    code, _ = client.begin()
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        assert client.raw(method, "/api/state")[0] == 501
    assert client.post("/api/else", {"code": code})[0] == 404
    assert client.post("/api/state", {"code": code, "more": 1})[0] == 404
    assert client.raw("GET", "/api/start")[0] == 404
    assert study.trials() == []


def test_tabs_that_answer_at_once_lose_and_double_nothing(served):
    study, _, client = served
    code, state = client.begin()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number in range(3):
            given = list(pool.map(client.answer, [code] * 8, [state] * 8))
            assert sorted(status for status, _ in given) == [200] + [409] * 7
            state = client.post("/api/state", {"code": code})[1]
            assert state["position"] == number + 1
    assert [trial.position for trial in study.trials()] == [0, 1, 2]


def test_the_results_are_where_evaluators_do_not_look(served):
    study, server, client = served
    path = server.results_url.removeprefix(server.url[:-1])
    assert b"Nobody has finished yet" in client.raw("GET", path)[2]
    for seed in range(4):
        simulate(study, Observer(share_right=0.8), seed)
    status, _, page = client.raw("GET", path)
    assert status == 200
    scores = study.scores()
    for score in scores.values():
        assert f"<td>{score.model}</td><td>{score.value:.1%}</td>".encode() in page
        assert f"<td>{score.interval[0]:.1%} to".encode() in page
    assert page.count(b'<circle class="one"') == 4
    assert b"unpaired t" in page and b"real_sha256" in page
    status, headers, text = client.raw("GET", f"{path}.csv")
    assert headers["Content-Type"].startswith("text/csv")
    assert text.decode() == study.csv()


def test_results_of_evaluators_who_agree_are_no_nan(served):
    study, server, client = served
    path = server.results_url.removeprefix(server.url[:-1])
    for seed in range(4):  # in turn of models "a" and "b"
        simulate(study, Observer(share_right=[1.0, 0.0][seed % 2]), seed)
    page = client.raw("GET", path)[2].decode()
    assert "unpaired t: undefined, for the evaluators" in page
    assert "<td>undefined</td>" in page and not re.search(r"\b(nan|inf)\b", page)


def test_a_title_is_text(tmp_path):
    protocol = StudyProtocol.of("infinity", num_trials=4, qualification_trials=0)
    bad = "<script>alert(1)</script>"
    path = tmp_path / "x"
    with create_study(path, images(9), {bad: images(9, 1)}, protocol, title=bad) as s:
        for seed in range(2):
            simulate(s, Observer(), seed)
        page = results_page(s, "/x.csv")
    assert "<script" not in page and "&lt;script&gt;" in page


def test_a_port_that_is_taken_is_an_error(served):
    study, server, _ = served
    with pytest.raises(OSError), StudyServer(study, server.port):
        pass
    with pytest.raises(ValueError, match="`port` must be"):
        StudyServer(study, 70_000)


def test_answers_survive_a_program_that_is_killed(tmp_path):
    small_study(tmp_path / "x.study").close()
    command = [sys.executable, "-m", "keras_genmod_command", "hype", "serve"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "x.study")],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        line = process.stdout.readline()
        client = Client(int(re.search(r"127\.0\.0\.1:(\d+)/", line)[1]))
        code, state = client.begin()
        for _ in range(5):
            state = client.answer(code, state)[1]["state"]
        process.send_signal(signal.SIGKILL)
    with Study(tmp_path / "x.study") as study:
        assert len(study.trials()) == 5
        assert study.state(code) == state
        assert study.database.rows("PRAGMA integrity_check")[0][0] == "ok"
