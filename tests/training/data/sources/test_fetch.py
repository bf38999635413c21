"""Downloads, against a server on loopback that serves right, wrong and cut files."""

import gzip
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training.data.sources.catalogue import KNOWN, KnownDataset, RemoteFile
from training.data.sources.dataset import DataError
from training.data.sources.fetch import fetch_files

CONTENTS = gzip.compress(bytes(range(256)) * 40, mtime=0)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        status, body, promised = self.server.answers.get(self.path, (404, b"", 0))
        self.send_response(status)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server with ``answers``: path -> (status, body, promised length), and ``requests``: the paths asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.answers, running.requests = {}, []
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def known(*mirrors, names=("one.gz",)):
    digest = hashlib.sha256(CONTENTS).hexdigest()
    files = tuple(RemoteFile(name, mirrors, len(CONTENTS), digest) for name in names)
    return KnownDataset("toy", "a toy", (28, 28, 1), ("a", "b"), 1, 1, files)


def serve(server, path, body=CONTENTS, promised=None):
    server.answers[path] = (200, body, len(body) if promised is None else promised)


def test_files_arrive_as_they_are_served_and_are_kept(server, tmp_path):
    serve(server, "/a/one.gz")
    serve(server, "/a/two.gz")
    dataset = known(f"{server.url}/a", names=("one.gz", "two.gz"))
    fetch_files(dataset, tmp_path / "deep" / "toy")
    assert sorted(path.name for path in (tmp_path / "deep" / "toy").iterdir()) == ["one.gz", "two.gz"]
    assert (tmp_path / "deep" / "toy" / "two.gz").read_bytes() == CONTENTS
    fetch_files(dataset, tmp_path / "deep" / "toy")
    assert server.requests == ["/a/one.gz", "/a/two.gz"]


def test_a_damaged_file_that_is_there_is_replaced(server, tmp_path):
    serve(server, "/a/one.gz")
    (tmp_path / "one.gz").write_bytes(CONTENTS[:-5])
    fetch_files(known(f"{server.url}/a"), tmp_path)
    assert (tmp_path / "one.gz").read_bytes() == CONTENTS


def test_the_next_mirror_is_asked_when_one_lacks_the_file(server, tmp_path):
    serve(server, "/b/one.gz")
    fetch_files(known(f"{server.url}/a", f"{server.url}/b"), tmp_path)
    assert server.requests == ["/a/one.gz", "/b/one.gz"]
    assert (tmp_path / "one.gz").read_bytes() == CONTENTS


def test_another_file_than_the_published_one_is_not_kept(server, tmp_path):
    serve(server, "/a/one.gz", CONTENTS[:-1] + b"!")
    message = (
        rf"toy: cannot download one\.gz \({server.url}/a/one\.gz: what came has another SHA-256 than [0-9a-f]{{12}}"
    )
    with pytest.raises(DataError, match=message):
        fetch_files(known(f"{server.url}/a"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_breaks_off_leaves_nothing(server, tmp_path):
    serve(server, "/a/one.gz", CONTENTS[:100], promised=len(CONTENTS))
    with pytest.raises(DataError, match=r"toy: cannot download one\.gz"):
        fetch_files(known(f"{server.url}/a"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_server_answers_is_told(server, tmp_path):
    with pytest.raises(DataError, match=rf"{server.url}/a/one\.gz: the server answers 404 Not Found"):
        fetch_files(known(f"{server.url}/a"), tmp_path)


def test_without_a_network_one_line_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        message = (
            rf"^data set toy: cannot download one\.gz \({url}/one\.gz: no connection \(ConnectionError\)\); "
            rf"download it by hand into {tmp_path}, or name a folder that has it with --data-dir or ASKEW_DATA$"
        )
        with pytest.raises(DataError, match=message):
            fetch_files(known(url), tmp_path)


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    serve(server, "/a/one.gz")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"/file/toy: one\.gz cannot be written there \(.+\); make room, or choose"):
        fetch_files(known(f"{server.url}/a"), tmp_path / "file" / "toy")


def test_a_full_disk_leaves_nothing(server, tmp_path, monkeypatch):
    import pooch

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    serve(server, "/a/one.gz")
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(DataError, match=r"one\.gz cannot be written there \(No space left on device\); make room"):
        fetch_files(known(f"{server.url}/a"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_catalogue_is_well_formed():
    for dataset in KNOWN.values():
        assert len(set(dataset.class_names)) == len(dataset.class_names) == 10
        for file in dataset.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert all(mirror.startswith("http") and not mirror.endswith("/") for mirror in file.mirrors)
