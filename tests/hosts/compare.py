"""Renders a piece of a song in hosts that others wrote, and compares with the command line's stems.

    python compare.py --host pedalboard --plugin Unweave.vst3 --song song.flac --unweave PATH --runtime PATH

Needs what requirements.txt names. Prints one line per check with the largest difference in dB of full
scale, and exits with 1 if one is above its limit.

Hosts render offline, so no hop may be missing; the command line runs the same model over the same audio.
What remains is rounding: the command line runs several hops at once and sums in another order. A rounding
of f32 is at most 2^-24 of full scale, and independent ones add up like their root: over the 4096 terms of
the transform's sums 2^-24 * sqrt(4096) = 2^-18, which is -108 dB. A hop that is missing, shifted by a frame
or of another stem is off by -40 dB or more.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

LIMIT_DB = -108.0
# No difference at all.
EXACT_DB = -240.0
STEMS = ["Drums", "Bass", "Vocals", "Other"]
# Where all four play, and long enough for 300 hops.
START_S, LENGTH_S = 16, 7
# What a late hop may cost: itself, and the fades around it (3 ms each).
HOP_FRAMES, FADE_FRAMES = 1024, 2 * 132


def decibels(audio):
    return 20 * np.log10(max(float(np.abs(audio).max(initial=0)), 1e-12))


class Checks:
    has_failed = False

    def note(self, what, is_right, found):
        self.has_failed |= not is_right
        print(f"{what}: {found}: {'ok' if is_right else 'WRONG'}", flush=True)

    def same(self, what, out, expected, limit_db=LIMIT_DB, lacking=0):
        """Hosts round a render's length: it must be all but `lacking` frames and a block."""
        frames = min(out.shape[1], expected.shape[1])
        worst = decibels(out[:2, :frames] - expected[:, :frames])
        is_right = worst <= limit_db and frames > expected.shape[1] - lacking - 4096
        self.note(what, is_right, f"{worst:.1f} dB at most over {frames} frames, {limit_db} dB allowed")


def excerpt(song, folder):
    audio, rate = soundfile.read(song, dtype="float32", always_2d=True)
    audio = audio[START_S * rate :][: LENGTH_S * rate]
    path = Path(folder) / "excerpt.wav"
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return path, np.ascontiguousarray(audio.T), rate


def command_line_stems(unweave, runtime, song, folder):
    subprocess.run(
        [unweave, "separate", song, "--live", "standard", "--output", folder]
        + ["--bit-depth", "32f", "--no-mix", "--quiet"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={"UNWEAVE_ONNXRUNTIME": runtime},
    )
    stems = {}
    for name in STEMS:
        (path,) = Path(folder).rglob(f"*{name} Stem*.wav")
        audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
        stems[name] = audio.T
    return stems


def pedalboard(plugin, mix, rate, stems, checks):
    """The host aligns by the latency that the plug-in reports."""
    from pedalboard import load_plugin

    def load(**parameters):
        # New for every render, so that each is the first after loading: the one that a host's late
        # word on rendering would spoil.
        effect = load_plugin(plugin, plugin_name="Unweave")
        for name, value in parameters.items():
            setattr(effect, name, value)
        return effect

    for block in (512, 8192):
        out = load().process(mix, rate, buffer_size=block)
        checks.same(f"pedalboard, untouched, blocks of {block}", out, mix, EXACT_DB)
    muted = mix - stems["Vocals"]
    for block in (64, 8192):
        out = load(vocals_mute=True).process(mix, rate, buffer_size=block)
        checks.same(f"pedalboard, vocals muted, blocks of {block}", out, muted)
    for name in STEMS:
        out = load(**{f"{name.lower()}_solo": True}).process(mix, rate, buffer_size=1024)
        checks.same(f"pedalboard, {name} alone", out, stems[name])

    saving = load(vocals_mute=True)
    # Not before: the plug-in learns of parameters when it processes.
    saving.process(mix[:, :4096], rate)
    saved = saving.raw_state
    restored = load(drums_mute=True)
    restored.raw_state = saved
    checks.note("pedalboard, state saved, loaded and saved", restored.raw_state == saved, f"{len(saved)} bytes")
    checks.same("pedalboard, restored state", restored.process(mix, rate, buffer_size=1024), muted)

    in_real_time(load(vocals_mute=True), mix, rate, muted, checks)


def in_real_time(effect, mix, rate, expected, checks, block=512):
    """Blocks at the pace of a sound card, from the moment on when the model is there."""
    silence = np.zeros((2, block), np.float32)
    status = lambda: effect.parameters["status"].string_value
    effect.process(silence, rate, buffer_size=block)
    for _ in range(3000):
        if status().startswith("Separating"):
            break
        time.sleep(0.01)
    effect.reset()
    late_before = num_late(status())
    out, start = [], time.monotonic()
    for begin in range(0, mix.shape[1] - block, block):
        time.sleep(max(0, start + begin / rate - time.monotonic()))
        out.append(effect.process(mix[:, begin : begin + block], rate, buffer_size=block, reset=False))
    out = np.concatenate(out, axis=1)
    late = num_late(status()) - late_before
    # Nothing follows the excerpt, so its end stays inside the plug-in.
    latency = mix.shape[1] - out.shape[1]
    is_off = np.abs(out[:2] - expected[:, : out.shape[1]]).max(axis=0) > 10 ** (LIMIT_DB / 20)
    num_off = int(is_off.sum())
    is_right = num_off <= late * (HOP_FRAMES + FADE_FRAMES) and num_off < out.shape[1] / 2 and latency < rate / 2
    found = f"{num_off} of {out.shape[1]} frames off, {late} hops late: {status()}"
    checks.note("pedalboard, vocals muted in real time", is_right, found)


def num_late(status):
    return sum(int(part.split()[0]) for part in status.split(", ") if part.endswith(" late"))


def dawdreamer(plugin, mix, rate, stems, checks):
    """It loads the first plug-in of a bundle, and leaves alignment to its user."""
    from dawdreamer import RenderEngine

    def render(plugin, parameters=(), block=512, state=None, save=None):
        engine = RenderEngine(rate, block)
        effect = engine.make_plugin_processor("unweave", str(plugin))
        indices = {p["name"].lower().replace(" ", "_"): p["index"] for p in effect.get_parameters_description()}
        for name in parameters:
            effect.set_parameter(indices[name], 1.0)
        if state:
            effect.load_state(str(state))
        engine.load_graph([(engine.make_playback_processor("song", mix), []), (effect, ["song"])])
        latency = effect.get_latency_samples()
        engine.render((mix.shape[1] + latency) / rate)
        if save:
            # Not before: the plug-in learns of parameters when it processes.
            effect.save_state(str(save))
        return engine.get_audio()[:, latency : latency + mix.shape[1]]

    muted = mix - stems["Vocals"]
    checks.same("DawDreamer, untouched", render(plugin), mix, EXACT_DB)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        for block in (512, 2048):
            out = render(plugin, ["vocals_mute"], block, save=state)
            checks.same(f"DawDreamer, vocals muted, blocks of {block}", out, muted)
        checks.same("DawDreamer, restored state", render(plugin, state=state), muted)
        out = render(multi_out_only(plugin, folder), ["vocals_mute"])
        checks.same("DawDreamer, Multi-Out, main output", out, muted)
        checks.note("DawDreamer, Multi-Out, channels", out.shape[0] == 10, out.shape[0])
        for idx, name in enumerate(STEMS):
            # Stem outputs are the stems, whatever is muted in the main output.
            checks.same(f"DawDreamer, Multi-Out, output {name}", out[2 + 2 * idx :][:2], stems[name])


def multi_out_only(plugin, folder):
    """The same bundle, whose module info lists Unweave Multi-Out alone: so it is the first."""
    copy = Path(folder) / Path(plugin).name
    shutil.copytree(plugin, copy, copy_function=lambda source, to: Path(to).symlink_to(source))
    path = copy / "Contents" / "Resources" / "moduleinfo.json"
    info = json.loads(path.read_text())
    info["Classes"] = [item for item in info["Classes"] if item["Name"] == "Unweave Multi-Out"]
    path.unlink()
    path.write_text(json.dumps(info))
    return copy


HOSTS = {"pedalboard": pedalboard, "dawdreamer": dawdreamer}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("plugin", "song", "unweave", "runtime"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--host", choices=HOSTS, required=True)
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        song, mix, rate = excerpt(arguments.song, folder)
        stems = command_line_stems(arguments.unweave, arguments.runtime, song, folder)
    levels = ", ".join(f"{name} {decibels(audio):.0f} dB" for name, audio in stems.items())
    print(f"{mix.shape[1]} frames, peaks: {levels}")
    checks.note("stems, none silent", all(decibels(audio) > -40 for audio in stems.values()), "peaks above -40 dB")
    HOSTS[arguments.host](arguments.plugin, mix, rate, stems, checks)
    sys.exit(checks.has_failed)


if __name__ == "__main__":
    main()
