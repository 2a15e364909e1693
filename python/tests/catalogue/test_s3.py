"""Songs and sets in a store: a real S3 server on this machine, behind a line that is slow and breaks."""

import asyncio
import threading
import urllib.request
from pathlib import Path

import fsspec
import pyarrow.parquet
import pytest
from moto.server import ThreadedMotoServer

from unweave.catalogue import Problem, Settings, run

LOOPBACK = "127.0.0.1"
CREDENTIALS = {"key": "test", "secret": "test"}


class Line:
    """Forwards connections to a port, each piece after a delay; the first ones it drops."""

    def __init__(self, port, delay_s, num_dropped):
        self.target, self.delay_s, self.num_dropped = port, delay_s, num_dropped
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        opened = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._forward, LOOPBACK, 0), self.loop)
        self.server = opened.result()
        self.port = self.server.sockets[0].getsockname()[1]

    async def _forward(self, reader, writer):
        if self.num_dropped > 0:
            self.num_dropped -= 1
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(LOOPBACK, self.target)
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer), return_exceptions=True)

    async def _pass(self, reader, writer):
        while piece := await reader.read(1 << 18):
            await asyncio.sleep(self.delay_s)
            writer.write(piece)
            await writer.drain()
        writer.close()


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def port(server):
    _, port = server.get_host_and_port()
    yield port
    tell(port, "reset", "")
    tell(port, "reset-auth", "inf")


def tell(port, what, value):
    """The server itself, not its stores."""
    headers = {"Content-Type": "text/plain"}
    address = f"http://{LOOPBACK}:{port}/moto-api/{what}"
    urllib.request.urlopen(urllib.request.Request(address, value.encode(), headers, method="POST"))


def options(port, **credentials):
    return {**(credentials or CREDENTIALS), "endpoint_url": f"http://{LOOPBACK}:{port}"}


@pytest.fixture
def bucket(port):
    """The file system, with an empty bucket."""
    fs = fsspec.filesystem("s3", **options(port), use_listings_cache=False)
    fs.mkdir("bucket")
    return fs


def test_a_slow_store_whose_line_breaks_gets_every_set_once(
    cluster, tmp_path, port, bucket, make_songs, by_the_command
):
    keys = make_songs(tmp_path / "songs", 4, seconds=0.5)
    for key in keys:
        bucket.put_file(str(tmp_path / "songs" / key), f"bucket/in/{key}")
    line = Line(port, delay_s=0.02, num_dropped=0)
    asked = Settings("s3://bucket/in", "s3://bucket/out", storage_options=options(line.port))
    line.num_dropped = 3
    summary = run(asked, is_quiet=True)
    assert (summary.num_done, summary.num_failed) == (4, 0)
    there = [path.removeprefix("bucket/out/") for path in bucket.find("bucket/out")]
    there = [path for path in there if not path.startswith(".unweave")]
    assert len(there) == 7 * len(keys) + 2, "the sets and the two tables"
    expected = by_the_command([tmp_path / "songs" / key for key in keys])
    for key in keys:
        files = {Path(path).name: bucket.cat_file(path) for path in bucket.find(f"bucket/out/{key}")}
        assert files == expected[Path(key).stem]
    with bucket.open("bucket/out/catalogue.parquet", "rb") as file:
        lines = pyarrow.parquet.read_table(file).to_pylist()
    assert sorted(line["song"] for line in lines) == sorted(f"s3://bucket/in/{key}" for key in keys)
    # A worker died before it could write the report: that is no set, and is made anew.
    report = next(path for path in bucket.find(f"bucket/out/{keys[3]}") if path.endswith("(Report).json"))
    bucket.rm(report)
    bucket.pipe_file(f"bucket/out/{keys[3]}/half.wav", b"half")
    # A driver died before it could write its records: whole sets are not made again.
    bucket.rm("bucket/out/.unweave/records", recursive=True)
    summary = run(asked, is_quiet=True)
    assert (summary.num_done, summary.num_before) == (4, 0)
    with bucket.open("bucket/out/catalogue.parquet", "rb") as file:
        lines = pyarrow.parquet.read_table(file).to_pylist()
    made_anew = [line["folder"] for line in lines if line["took_seconds"] is not None]
    assert made_anew == [keys[3]]
    assert len(bucket.find(f"bucket/out/{keys[3]}")) == 7


def test_a_song_that_is_not_there_is_listed(cluster, tmp_path, port, bucket, make_songs):
    (key,) = make_songs(tmp_path / "songs", 1)
    bucket.put_file(str(tmp_path / "songs" / key), f"bucket/{key}")
    (tmp_path / "list.txt").write_text(f"s3://bucket/{key}\ns3://bucket/none.wav\n")
    asked = Settings(str(tmp_path / "list.txt"), str(tmp_path / "out"), storage_options=options(port))
    summary = run(asked, is_quiet=True)
    assert (summary.num_done, summary.num_failed) == (1, 1)
    lines = pyarrow.parquet.read_table(tmp_path / "out/catalogue.parquet").to_pylist()
    (failed,) = [line for line in lines if line["status"] == "failed"]
    assert "s3://bucket/none.wav: is not there" in failed["reason"] and failed["tries"] == 3


def test_a_store_that_can_not_be_used_is_an_error_that_says_what_to_check(tmp_path, port, bucket, make_songs):
    make_songs(tmp_path / "songs", 1)
    songs = str(tmp_path / "songs")
    with pytest.raises(Problem, match="s3://no-such-bucket"):
        run(Settings("s3://no-such-bucket/in", str(tmp_path / "out"), storage_options=options(port)))
    nobody = {**options(1), "config_kwargs": {"retries": {"max_attempts": 0}}}
    with pytest.raises(Problem, match="check the address, the network and the credentials"):
        run(Settings(songs, "s3://bucket/out", storage_options=nobody))
    # From now on, it asks who is there.
    tell(port, "reset-auth", "0")
    for source, output in [(songs, "s3://bucket/out"), ("s3://bucket/in", str(tmp_path / "out"))]:
        with pytest.raises(Problem, match="s3://bucket/.*credentials"):
            run(Settings(source, output, storage_options=options(port, key="wrong", secret="wrong")))
    assert not (tmp_path / "out").exists()
