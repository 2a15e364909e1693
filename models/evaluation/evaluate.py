"""The tables of the model card, made with the command `unweave` itself.

    python evaluate.py --unweave ../../target/release/unweave [--readme ../README.md] [--data ../../../shared/data]

uSDR per stem over the songs where the stem plays (above −60 dBFS), and the mean over the active stems of a song, then over
songs; what muting the vocals does; the same for soft and loud input; one instrument alone. `--readme` writes the tables
between their markers. The demo song lies in this repository; what `--data` lacks is left out, and that is said.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

import material
import metrics
import yardsticks
from material import SAMPLE_RATE, STEMS, Song

BEGIN, END = "<!-- begin: evaluate.py -->", "<!-- end: evaluate.py -->"
VOCALS = STEMS.index("vocals")
# Name in the tables, live mode.
MODES = (("files", None), ("live, Standard", "standard"), ("live, Quick", "quick"), ("live, Light", "light"))
# Those that are also tried at other levels and on single instruments.
MAIN_MODES = MODES[:2]
LEVELS_DB = (-40, 6)


class Unweave:
    """The command at work."""

    def __init__(self, program: Path):
        self.program = program
        listed = json.loads(self._run("models", "info", "unweave", "--json"))
        self.version = listed["version"]

    def _run(self, *args: str) -> str:
        done = subprocess.run([self.program, *args], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{self.program} {' '.join(args[:2])} failed:\n{done.stderr}")
        return done.stdout

    def separate(self, mixes: dict[str, np.ndarray], mode: str | None) -> dict[str, np.ndarray]:
        """Name → mix [2, frames] becomes name → stems [4, 2, frames]."""
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            paths = {Path(folder) / f"{idx}.wav": name for idx, name in enumerate(mixes)}
            for path, name in paths.items():
                soundfile.write(path, mixes[name].T, SAMPLE_RATE, "FLOAT")
            live = [] if mode is None else ["--live", mode]
            options = ["--output", f"{folder}/stems", "--bit-depth", "32f", "--no-mix", "--quiet", "--json", *live]
            said = json.loads(self._run("separate", *map(str, paths), *options, "--device", "cpu"))
            for song in said["songs"]:
                files = {file["stem"]: file["name"] for file in song["report"]["files"] if file["role"] == "stem"}
                stems = np.stack([material.read(Path(song["dir"]) / files[stem]) for stem in STEMS])
                found[paths[Path(song["song"])]] = stems / song["report"]["gain"]
        return found


def figures(songs: dict[str, Song], estimates: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Name → uSDR per active stem and their mean, and what muting the vocals does where they sing."""
    each = {}
    for name, song in songs.items():
        mix, stems = song.mix[:, song.known], estimates[name][..., song.known]
        active = [i for i, stem in enumerate(song.stems) if metrics.level_db(stem) > metrics.SILENT_DB]
        values = {STEMS[i]: metrics.usdr(song.stems[i], stems[i]) for i in active}
        values["mean"] = float(np.mean(list(values.values())))
        if VOCALS in active:
            rest = mix - song.stems[VOCALS]
            values["attenuation"], values["damage"] = metrics.mute(song.stems[VOCALS], rest, mix - stems[VOCALS])
        each[name] = values
    return each


COLUMNS = (*STEMS, "mean", "attenuation", "damage")


def average(each: dict[str, dict[str, float]]) -> dict[str, float]:
    """Over the songs that have the figure."""
    values = {column: [song[column] for song in each.values() if column in song] for column in COLUMNS}
    return {column: float(np.mean(found)) for column, found in values.items() if found}


def number(x: float | None, sign: str = "") -> str:
    if x is None:
        return "–"
    text = f"{x:{sign}.1f}"
    # No minus before a zero.
    return {"-0.0": "0.0", "+0.0": "0.0"}.get(text, text).replace("-", "−")


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, list[str]]]) -> list[str]:
    lines = [title, "", f"| {' | '.join(('', *head))} |", "|---" * (len(head) + 1) + "|"]
    return [*lines, *(f"| {' | '.join((name, *cells))} |" for name, cells in rows), ""]


HEAD = (*STEMS, "mean", "mute: attenuation", "mute: damage")


def scores(title: str, rows: dict[str, dict[str, float]], sign: str = "") -> list[str]:
    cells = [(name, [number(values.get(column), sign) for column in COLUMNS]) for name, values in rows.items()]
    return table(title, HEAD, cells)


def on_songs(unweave: Unweave, songs: dict[str, Song], what: str, by_song: bool) -> list[str]:
    """Beside the yardsticks; then song by song; then at other levels."""
    yardstick = {
        name: {song: np.asarray(method(s.mix, padded(s))) for song, s in songs.items()}
        for name, method in (
            ("the mix as every stem", yardsticks.mixture),
            ("without any learning: HPSS, low-pass, centre", yardsticks.unlearned),
            ("ceiling: oracle ratio masks", yardsticks.oracle),
        )
    }
    mixes = {name: song.mix for name, song in songs.items()}
    ours = {name: figures(songs, unweave.separate(mixes, mode)) for name, mode in MODES}
    rows = {name: average(figures(songs, estimates)) for name, estimates in yardstick.items()}
    # Taking the mix away leaves nothing to judge.
    rows["the mix as every stem"] = {stem: x for stem, x in rows["the mix as every stem"].items() if stem in (*STEMS, "mean")}
    ceiling = rows.popitem()
    rows |= {f"**{name}**": average(each) for name, each in ours.items()}
    lines = scores(f"{what}, uSDR in dB; muting the vocals: attenuation of them and damage to the rest, in dB:",
                   rows | dict([ceiling]))
    if by_song:
        rows = {f"{song}, {name}": ours[name][song] for song in songs for name, _ in MAIN_MODES}
        lines += scores("Each of them:", rows)
    rows = {}
    for name, mode in MAIN_MODES:
        for level_db in LEVELS_DB:
            gain = 10 ** (level_db / 20)
            stems = unweave.separate({song: mix * np.float32(gain) for song, mix in mixes.items()}, mode)
            there = average(figures(songs, {song: stem / gain for song, stem in stems.items()}))
            as_it_is = average(ours[name])
            label = f"{name}, {number(level_db, '+').removesuffix('.0')} dB"
            rows[label] = {column: there[column] - as_it_is[column] for column in there}
    return lines + scores("With the input turned down or up, differences:", rows, "+")


def padded(song: Song) -> np.ndarray:
    """The true stems as long as the mix."""
    stems = np.zeros((len(STEMS), *song.mix.shape), np.float32)
    stems[..., song.known] = song.stems
    return stems


def on_instruments(unweave: Unweave, sounds: dict[str, tuple[np.ndarray, str]]) -> list[str]:
    mixes = {name: audio for name, (audio, _) in sounds.items()}
    found = [unweave.separate(mixes, mode) for _, mode in MAIN_MODES]
    rows = []
    for name, (audio, own) in sounds.items():
        def cell(stems: np.ndarray, idx: int) -> str:
            level = number(metrics.level_db(stems[idx]) - metrics.level_db(audio)).removesuffix(".0")
            return f"**{level}**" if STEMS[idx] == own else level

        rows.append((name, [" · ".join(cell(stems[name], idx) for stems in found) for idx in range(len(STEMS))]))
    title = "One instrument alone, 12 s: level of each stem against the input in dB, files · live, Standard; its own stem is bold:"
    return table(title, STEMS, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--unweave", type=Path, default=here / "../../target/release/unweave", help="the program")
    parser.add_argument("--data", type=Path, default=here / "../../../shared/data", help="folder with eval/ and train/")
    parser.add_argument("--demo", type=Path, default=here / "../../assets/demo", help="the demo song")
    parser.add_argument("--readme", type=Path, help="file to put the tables into")
    args = parser.parse_args()
    if not args.unweave.is_file():
        parser.error(f"no program {args.unweave}: build it with `cargo build --release -p unweave`")
    unweave = Unweave(args.unweave)
    lines = [f"Version {unweave.version}. uSDR and attenuation: higher is better; damage: lower is better.", ""]
    windows = material.windows(args.data / "eval")
    if windows:
        lines += on_songs(unweave, windows, f"{len(windows)} windows of 30 s of two songs", True)
    else:
        print(f"left out: the evaluation windows; there are none in {args.data / 'eval'}")
    lines += on_songs(unweave, {"demo": material.demo(args.demo)}, "The demo song", False)
    sounds = material.alone(args.data / "train")
    if sounds:
        lines += on_instruments(unweave, sounds)
    else:
        print(f"left out: one instrument alone; there are no packs in {args.data / 'train'}")
    text = "\n".join(lines).strip()
    print(text, flush=True)
    if args.readme:
        if not (windows and sounds):
            parser.error("the tables would lose what was left out: nothing was written")
        card = args.readme.read_text()
        before, rest = card.split(BEGIN)
        args.readme.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
