"""Renders a song in hosts that others wrote, and compares with the command line's stems.

    python compare.py --host pedalboard --plugin Unweave.vst3 --song song.flac --unweave PATH_OF_UNWEAVE

Needs pedalboard 0.9.26, dawdreamer 0.9.0, numpy and soundfile. Prints one line per check with the largest
difference in dB of full scale, and exits with 1 if one is above its limit.

Hosts render offline, so no hop may be missing; the command line runs the same model over the same
audio. What remains is rounding: the command line runs several hops at once, and 32-bit samples are
summed in another order.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

# Rounding of a recurrent model that runs one hop at a time or several: 1e-6 of full scale.
LIMIT_DB = -120.0
# No difference at all.
EXACT_DB = -240.0
STEMS = ["Drums", "Bass", "Vocals", "Other"]


def decibels(value):
    return 20 * np.log10(max(float(value), 1e-12))


def command_line_stems(unweave, song, folder):
    subprocess.run(
        [unweave, "separate", song, "--output", folder, "--bit-depth", "32f", "--no-mix", "--quiet"], check=True
    )
    stems = {}
    for name in STEMS:
        (path,) = Path(folder).rglob(f"*{name}*.wav")
        audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
        stems[name] = audio.T
    return stems


def pedalboard_renders(plugin, mix, rate, parameters):
    """Aligned by the host, by the latency that the plug-in reports."""
    import pedalboard

    for block in (512, 8192):
        # New for every render, so that each is the first after loading: the one that a host's late
        # word on rendering would spoil.
        effect = pedalboard.load_plugin(plugin, plugin_name="Unweave")
        for name in parameters:
            setattr(effect, name, True)
        yield f"pedalboard, blocks of {block}", effect.process(mix, rate, buffer_size=block)


def dawdreamer_renders(plugin, mix, rate, parameters):
    """DawDreamer loads the first plug-in of a bundle, the stereo one; alignment is left to its user."""
    import dawdreamer

    for block in (512, 2048):
        engine = dawdreamer.RenderEngine(rate, block)
        effect = engine.make_plugin_processor("unweave", plugin)
        indices = {
            p["name"].lower().replace(" ", "_"): p["index"]
            for p in effect.get_parameters_description()
        }
        for name in parameters:
            effect.set_parameter(indices[name], 1.0)
        engine.load_graph([(engine.make_playback_processor("song", mix), []), (effect, ["song"])])
        latency = effect.get_latency_samples()
        engine.render((mix.shape[1] + latency) / rate)
        out = engine.get_audio()
        yield f"DawDreamer, blocks of {block}", out[:, latency : latency + mix.shape[1]]


HOSTS = {"pedalboard": pedalboard_renders, "dawdreamer": dawdreamer_renders}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--song", required=True)
    parser.add_argument("--unweave", required=True)
    parser.add_argument("--host", choices=HOSTS, required=True)
    arguments = parser.parse_args()

    audio, rate = soundfile.read(arguments.song, dtype="float32", always_2d=True)
    mix = np.ascontiguousarray(audio.T)
    has_failed = False
    with tempfile.TemporaryDirectory() as folder:
        stems = command_line_stems(arguments.unweave, arguments.song, folder)
    for name, audio in stems.items():
        print(f"{name}: {decibels(np.abs(audio).max()):.1f} dB at most")
    cases = [("untouched", [], mix, EXACT_DB), ("vocals muted", ["vocals_mute"], mix - stems["Vocals"], LIMIT_DB)]
    cases += [(f"{name} alone", [f"{name.lower()}_solo"], stems[name], LIMIT_DB) for name in STEMS]
    for what, parameters, expected, limit in cases:
        for host, out in HOSTS[arguments.host](arguments.plugin, mix, rate, parameters):
            # Hosts round a render's length; what they give must be right, and nearly all of it.
            frames = min(out.shape[1], expected.shape[1])
            worst = decibels(np.abs(out[:2, :frames] - expected[:, :frames]).max())
            is_right = worst <= limit and frames > expected.shape[1] - 4096
            has_failed |= not is_right
            verdict = "ok" if is_right else f"WRONG, at most {limit} dB"
            print(f"{host}, {what}: {worst:.1f} dB over {frames} frames: {verdict}")
    sys.exit(has_failed)


if __name__ == "__main__":
    main()
