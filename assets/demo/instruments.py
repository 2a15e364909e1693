"""Notes to sound: a MIDI file written byte by byte, played by FluidSynth with FluidR3 GM."""

import struct
import subprocess
import tempfile
from pathlib import Path

import soundfile

SOUND_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9


def variable_length(number):
    """A MIDI delta time: seven bits a byte, the high bit set on all but the last."""
    data = [number & 0x7F]
    while number := number >> 7:
        data.append(number & 0x7F | 0x80)
    return bytes(reversed(data))


def midi_file(notes, program, channel, beats_per_minute):
    """A Standard MIDI File, format 0, of one instrument."""
    events = [(0, bytes([0xC0 | channel, program]))]
    for note in notes:
        start, end = (round(t * TICKS_PER_BEAT) for t in (note.start, note.start + note.length))
        events.append((start, bytes([0x90 | channel, note.pitch, note.velocity])))
        events.append((end, bytes([0x80 | channel, note.pitch, 0])))
    # At one time, ends come before starts: a repeated key must not be cut by its predecessor.
    events.sort(key=lambda event: (event[0], event[1][0] & 0xF0 == 0x90))
    tempo = struct.pack(">I", round(60e6 / beats_per_minute))[1:]
    track, now = b"\x00\xff\x51\x03" + tempo, 0
    for tick, data in events:
        track += variable_length(tick - now) + data
        now = tick
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def play(notes, program, rate, beats_per_minute, is_drums=False):
    """The instrument, dry: float array (frames, 2)."""
    channel = DRUM_CHANNEL if is_drums else 0
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "notes.mid"), Path(folder, "sound.wav")
        midi.write_bytes(midi_file(notes, program, channel, beats_per_minute))
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(rate)]
        command += ["-T", "wav", "-O", "float", "-F", str(wav), SOUND_FONT, str(midi)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        sound, found = soundfile.read(wav, always_2d=True)
    assert found == rate
    return sound
