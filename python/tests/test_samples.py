"""Arrays in, arrays out."""

import threading
import time
import tracemalloc

import numpy as np
import pytest
import soundfile

import unweave


def beyond_one_ulp(mix, stems):
    """How far the stems, added in their order, are from the mix, in ulp of the largest number on the way."""
    largest = np.abs(mix)
    total = np.zeros_like(mix)
    for stem in stems.values():
        total = total + stem
        largest = np.maximum(largest, np.maximum(np.abs(stem), np.abs(total)))
    return (np.abs(total - mix) / np.spacing(largest)).max()


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_stems_have_the_shape_of_the_mix_and_sum_to_it(separator, music, channels, sample_rate):
    audio, _ = music
    mix = np.ascontiguousarray(np.tile(audio, (3, 1))[:channels, :100_001])
    stems = separator.separate(mix, sample_rate)
    assert list(stems) == separator.stems == ["drums", "bass", "vocals", "other"]
    for stem in stems.values():
        assert stem.shape == mix.shape and stem.dtype == np.float32
    assert beyond_one_ulp(mix, stems) <= 1
    # A sum holds of zeros as well.
    assert all(np.abs(stem).max() > 1e-3 for stem in stems.values())


def test_stems_are_those_of_the_files(separator, song, music, tmp_path):
    done = separator.separate_file(song, tmp_path, bit_depth="32f")
    audio, rate = soundfile.read(song, dtype="float32")
    stems = separator.separate(audio.T, rate)
    for file in done.report["files"]:
        if file["role"] == "stem":
            written, _ = soundfile.read(done.folder / file["name"], dtype="float32")
            # One rounding: files round the residual once more.
            assert np.abs(written.T - stems[file["stem"]]).max() <= 2**-23


def test_the_same_mix_gives_the_same_stems_again(separator, music):
    audio, rate = music
    first = separator.separate(audio, rate)
    separator.separate(audio[::-1] * 0.5, rate)
    again = separator.separate(audio, rate)
    assert all(np.array_equal(first[stem], again[stem]) for stem in first)


@pytest.mark.parametrize("shape", ["(frames,)", "float64", "(frames, 2).T", "a list", "every other frame"])
def test_every_form_of_the_same_samples_gives_the_same_stems(separator, music, shape):
    audio, rate = music
    mix = audio[:, :50_000]
    given = {
        "(frames,)": mix[0],
        "float64": mix.astype(np.float64),
        "(frames, 2).T": np.ascontiguousarray(mix.T).T,
        "a list": mix[:, :3_000].tolist(),
        "every other frame": np.repeat(mix, 2, axis=1)[:, ::2],
    }[shape]
    plain = np.ascontiguousarray(given, dtype=np.float32)
    expected = separator.separate(plain.reshape(-1, plain.shape[-1]), rate)
    stems = separator.separate(given, rate)
    for stem, samples in stems.items():
        assert samples.shape == plain.shape
        assert np.array_equal(samples.reshape(expected[stem].shape), expected[stem])


@pytest.mark.parametrize("frames", [0, 1, 1_000])
def test_a_mix_may_be_as_short_as_can_be(separator, music, frames):
    audio, rate = music
    mix = np.ascontiguousarray(audio[:, :frames])
    stems = separator.separate(mix, rate)
    assert all(stem.shape == mix.shape for stem in stems.values())
    assert frames == 0 or beyond_one_ulp(mix, stems) <= 1


def test_what_is_not_a_number_is_taken_as_silence(separator, music):
    audio, rate = music
    broken, silent = audio[:, :50_000].copy(), audio[:, :50_000].copy()
    broken[:, 20_000:20_010], silent[:, 20_000:20_010] = np.nan, 0
    stems, expected = separator.separate(broken, rate), separator.separate(silent, rate)
    assert all(np.array_equal(stems[stem], expected[stem]) for stem in stems)


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros((44_100, 2), np.float32), 44_100, "samples.T"),
        (np.zeros((17, 44_100), np.float32), 44_100, "1 to 16 channels"),
        (np.zeros((2, 2, 2), np.float32), 44_100, "(channels, frames)"),
        (np.zeros((2, 100), np.int16), 44_100, "divide integers"),
        (np.zeros((2, 100), np.float32), 10, "sample rate of 10 Hz"),
    ],
)
def test_what_is_no_mix_is_refused_with_what_to_do(separator, samples, rate, words):
    with pytest.raises(ValueError, match="(?s).*") as refusal:
        separator.separate(samples, rate)
    assert words in str(refusal.value)


def test_samples_are_not_copied(separator, music):
    audio, rate = music
    separator.separate(audio[:, :1_000], rate)
    tracemalloc.start()
    stems = separator.separate(audio, rate)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < audio.nbytes / 4, "NumPy made an array of the mix or of a stem"
    assert not next(iter(stems.values())).flags.owndata, "the stems are the library's own memory"


def test_progress_rises_to_one_in_the_thread_that_asked(separator, music):
    audio, rate = music
    seen = []
    separator.separate(audio, rate, progress=lambda done: seen.append((done, threading.get_ident())))
    fractions = [done for done, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and len(fractions) > 5
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_an_exception_in_progress_ends_separation_and_comes_out(separator, music):
    class Enough(Exception):
        pass

    def stop(_):
        raise Enough

    audio, rate = music
    long = np.tile(audio, (1, 50))
    start = time.monotonic()
    with pytest.raises(Enough):
        separator.separate(long, rate, progress=stop)
    took = time.monotonic() - start
    start = time.monotonic()
    separator.separate(audio, rate)
    assert took < 20 * (time.monotonic() - start), "five minutes of music were separated to the end"


def test_other_threads_run_meanwhile(separator, music):
    audio, rate = music
    ticks = 0
    is_done = threading.Event()

    def tick():
        nonlocal ticks
        while not is_done.wait(0.001):
            ticks += 1

    ticking = threading.Thread(target=tick)
    ticking.start()
    separator.separate(audio, rate)
    is_done.set()
    ticking.join()
    assert ticks > 20


def test_one_separator_serves_several_threads(separator, music):
    audio, rate = music
    expected = separator.separate(audio, rate)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(separator.separate(audio, rate))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for stems in results:
        assert all(np.array_equal(stems[stem], expected[stem]) for stem in stems)


@pytest.mark.parametrize("live", [None, "standard", "quick", "light"])
def test_a_stream_gives_frames_when_it_says_and_does_not_depend_on_blocks(music, live):
    audio, rate = music
    stream = unweave.Separator(live=live).stream(rate)

    def run(block_frames):
        parts = []
        num_in = num_out = 0
        for start in range(0, audio.shape[1], block_frames):
            block = audio[:, start : start + block_frames]
            stems = stream.push(block)
            parts.append(stems)
            num_in += block.shape[1]
            num_out += stems["bass"].shape[1]
            assert num_out > num_in - stream.window_frames
        parts.append(stream.flush())
        stream.reset()
        return {stem: np.concatenate([part[stem] for part in parts], axis=1) for stem in stream.stems}

    small, large = run(4_096), run(30_011)
    assert all(np.array_equal(small[stem], large[stem]) for stem in small)
    assert beyond_one_ulp(audio, small) <= 1


def test_a_stream_takes_two_channels_and_counts_what_is_not_a_number(separator):
    stream = separator.stream(48_000)
    with pytest.raises(ValueError, match="numpy.stack"):
        stream.push(np.zeros(100, np.float32))
    stream.push(np.full((2, 10), np.inf))
    assert stream.non_finite_samples == 20
    stream.reset()
    assert stream.non_finite_samples == 0
