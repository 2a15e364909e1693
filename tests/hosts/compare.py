"""Renders a song in hosts that others wrote, and compares with the command line's stems.

    python compare.py --plugin Unweave.vst3 --song song.flac --unweave PATH_OF_UNWEAVE

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

# Rounding of a recurrent model that runs one hop at a time or several: 1e-4 of full scale.
LIMIT_DB = -80.0
STEMS = ["Drums", "Bass", "Vocals", "Other"]


def decibels(value):
    return 20 * np.log10(max(float(value), 1e-12))


def command_line_stems(unweave, song, folder):
    subprocess.run(
        [unweave, "separate", song, "--output", folder, "--depth", "32f", "--quiet"], check=True
    )
    stems = {}
    for name in STEMS:
        (path,) = Path(folder).rglob(f"*{name}*.wav")
        audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
        stems[name] = audio.T
    return stems


def pedalboard_vocals_muted(plugin, mix, rate):
    import pedalboard

    effect = pedalboard.load_plugin(plugin, plugin_name="Unweave")
    effect.vocals_mute = True
    for block in (512, 8192):
        # A first pass lets the host tell the plug-in that it renders: VST3's late process mode.
        out = effect.process(mix, rate, buffer_size=block, reset=True)
        yield f"pedalboard, blocks of {block}", out


def dawdreamer_outputs(plugin, mix, rate, muted):
    import dawdreamer

    engine = dawdreamer.RenderEngine(rate, 512)
    playback = engine.make_playback_processor("mix", mix)
    effect = engine.make_plugin_processor("unweave", plugin)
    outputs = effect.get_num_output_channels()
    if muted:
        (index,) = [
            p["index"] for p in effect.get_parameters_description() if p["name"] == "Vocals mute"
        ]
        effect.set_parameter(index, 1.0)
    engine.load_graph([(playback, []), (effect, ["mix"])])
    latency = effect.get_latency_samples()
    engine.render((mix.shape[1] + latency) / rate)
    out = engine.get_audio()
    return outputs, latency, out[:, latency : latency + mix.shape[1]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--song", required=True)
    parser.add_argument("--unweave", required=True)
    parser.add_argument("--host", choices=["pedalboard", "dawdreamer"], required=True)
    arguments = parser.parse_args()

    audio, rate = soundfile.read(arguments.song, dtype="float32", always_2d=True)
    mix = np.ascontiguousarray(audio.T)
    failed = False

    def check(name, actual, expected):
        nonlocal failed
        frames = min(actual.shape[1], expected.shape[1])
        worst = decibels(np.abs(actual[:, :frames] - expected[:, :frames]).max())
        verdict = "ok" if worst <= LIMIT_DB and frames == expected.shape[1] else "DIFFERS"
        failed |= verdict != "ok"
        print(f"{name}: {worst:.1f} dB over {frames} of {expected.shape[1]} frames: {verdict}")

    with tempfile.TemporaryDirectory() as folder:
        stems = command_line_stems(arguments.unweave, arguments.song, folder)
        without_vocals = mix - stems["Vocals"]
        print(f"vocals: {decibels(np.abs(stems['Vocals']).max()):.1f} dB at most")
        if arguments.host == "pedalboard":
            for name, out in pedalboard_vocals_muted(arguments.plugin, mix, rate):
                check(f"{name}, vocals muted", out, without_vocals)
        else:
            outputs, latency, out = dawdreamer_outputs(arguments.plugin, mix, rate, True)
            print(f"DawDreamer: {outputs} output channels, latency {latency}")
            check("DawDreamer, vocals muted", out[:2], without_vocals)
            for index, name in enumerate(STEMS):
                if outputs >= 2 * (index + 2):
                    start = 2 * (index + 1)
                    check(f"DawDreamer, output {name}", out[start : start + 2], stems[name])
    sys.exit(failed)


if __name__ == "__main__":
    main()
