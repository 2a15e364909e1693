"""The composition: "Paper Lanterns", in C major and A minor, 112 beats per minute.

Times are in beats from the start of the song, four to a bar; pitches are MIDI note numbers (60 is
middle C). Bars 0-3 are the intro, 4-11 the verse, 12-19 the chorus, 20-21 the last chord, and then
the reverb rings out.
"""

from dataclasses import dataclass

import numpy as np

BEATS_PER_MINUTE = 112
BEAT_S = 60 / BEATS_PER_MINUTE
VERSE, CHORUS, ENDING = 4 * 4, 12 * 4, 20 * 4
#: Two bars of the last chord, and four seconds for it to ring out.
LENGTH_S = (ENDING + 8) * BEAT_S + 4.0
#: The chorus is to arrive: what comes before it is played softer. (beat, dB), straight lines between.
DYNAMICS = ((0, -3.0), (CHORUS - 2, -3.0), (CHORUS, 0.0))


@dataclass(frozen=True)
class Note:
    """One note: when, for how long (beats), which key, how hard (1 to 127)."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Syllable:
    """One sung note. Phones are CMU's: consonants, one vowel, consonants."""

    phones: tuple
    start: float
    length: float
    pitch: int


@dataclass(frozen=True)
class Line:
    """One breath: the words as the speech synthesiser reads them, and how they are sung."""

    text: str
    syllables: tuple


# Chord: bass key, voicing of the keyboard.
AM7, F, C, G_B = (45, (57, 60, 64, 67)), (41, (57, 60, 64, 65)), (48, (55, 60, 64)), (47, (55, 59, 62))
DM7, GSUS, G, C_ADD9 = (50, (57, 60, 62, 65)), (43, (55, 60, 62)), (43, (55, 59, 62)), (36, (55, 60, 62, 64))

#: (start in beats, length in beats, chord)
CHORDS = (
    [(4 * i, 4, chord) for i, chord in enumerate([AM7, F, C, G_B])]
    + [(VERSE + 4 * i, 4, chord) for i, chord in enumerate([AM7, F, C, G_B, AM7, F, DM7])]
    + [(VERSE + 28, 2, GSUS), (VERSE + 30, 2, G)]
    + [(CHORUS + 4 * i, 4, chord) for i, chord in enumerate([F, C, G, AM7, F, C, GSUS, G])]
    + [(ENDING, 8, C_ADD9)]
)


def sung(start, text, syllables):
    """A line whose syllables are `phones beat length pitch`, beats counted from `start`."""
    rows = (row.split() for row in syllables.split(","))
    return Line(
        text,
        tuple(Syllable(tuple(p.split("-")), start + float(b), float(n), int(k)) for p, b, n, k in rows),
    )


LINES = [
    sung(
        VERSE,
        "Paper lanterns on the water,",
        "p-ey 0 1 64, p-er 1 .5 62, l-ae-n 1.5 1 60, t-er-n-z 2.5 .5 57,"
        "aa-n 3 .5 60, dh-ax 3.5 .5 62, w-ao 4 1.5 60, t-er 5.5 1.5 57",
    ),
    sung(
        VERSE + 8,
        "carry every little light.",
        "k-ae 0 1 64, r-iy 1 .5 62, eh-v 1.5 .5 60, er 2 .5 60, iy 2.5 .5 60,"
        "l-ih 3 .5 62, t-ax-l 3.5 .5 64, l-ay-t 4 2.25 62",
    ),
    sung(
        VERSE + 16,
        "I was waiting for the morning,",
        "ay -1 .5 60, w-aa-z -.5 .5 62, w-ey 0 1.5 67, t-ih-ng 1.5 1 64,"
        "f-ao-r 3 .5 60, dh-ax 3.5 .5 62, m-ao-r 4 1.5 65, n-ih-ng 5.5 1.25 60",
    ),
    sung(
        VERSE + 24,
        "you were staying for the night.",
        "y-uw -1 .5 60, w-er -.5 .5 62, s-t-ey 0 1.5 65, ih-ng 1.5 1 64,"
        "f-ao-r 3 .5 62, dh-ax 3.5 .5 60, n-ay-t 4 3 62",
    ),
    sung(
        CHORUS,
        "Float away, float away,",
        "f-l-ow-t 0 1.5 69, ax 1.5 .5 67, w-ey 2 1.5 65, f-l-ow-t 4 1.5 67, ax 5.5 .5 65, w-ey 6 1.5 64",
    ),
    sung(
        CHORUS + 8,
        "take the dark from my door.",
        "t-ey-k 0 1 62, dh-ax 1 .5 62, d-aa-r-k 1.5 1.25 67, f-r-ah-m 3 .5 65, m-ay 3.5 .5 64, d-ao-r 4 3 64",
    ),
    sung(
        CHORUS + 16,
        "Float away, float away,",
        "f-l-ow-t 0 1.5 69, ax 1.5 .5 67, w-ey 2 1.5 65, f-l-ow-t 4 1.5 72, ax 5.5 .5 71, w-ey 6 1.25 67",
    ),
    sung(
        CHORUS + 24,
        "I won't need it anymore.",
        "ay -.5 .5 64, w-ow-n-t 0 1.5 67, n-iy-d 1.5 1.5 69, ih-t 3 .5 67,"
        "eh 4 1.5 67, n-iy 5.5 2.5 71, m-ao-r 8 5.5 72",
    ),
]
CHORUS_LINES = LINES[4:]


def chord_at(beat):
    """The voicing that sounds at this beat."""
    return next(voicing for start, length, (_, voicing) in reversed(CHORDS) if start <= beat)


def harmony(line):
    """The line a chord tone below, at least a minor third away."""

    def below(syllable):
        tones = {pitch % 12 for pitch in chord_at(syllable.start)}
        return next(p for p in range(syllable.pitch - 3, 0, -1) if p % 12 in tones)

    return Line(
        line.text, tuple(Syllable(s.phones, s.start, s.length, below(s)) for s in line.syllables)
    )


def octave_below(line):
    """The line an octave lower, for a second singer."""
    return Line(
        line.text, tuple(Syllable(s.phones, s.start, s.length, s.pitch - 12) for s in line.syllables)
    )


def human(notes, rng, timing=0.012, force=5):
    """The notes as a careful player would hit them: not all at once, not all as hard."""
    return [
        Note(
            max(0.0, n.start + timing * float(rng.standard_normal())),
            n.length,
            n.pitch,
            int(np.clip(n.velocity + force * rng.standard_normal(), 1, 127)),
        )
        for n in notes
    ]


# General MIDI's drum keys.
KICK, STICK, SNARE, HAT, OPEN_HAT, CRASH, RIDE, TAMBOURINE, SHAKER = 36, 37, 38, 42, 46, 49, 51, 54, 82
TOMS = (50, 48, 47, 45, 43, 41)


def drums():
    """All the drum kit's notes."""
    hits = []

    def hit(beat, key, velocity):
        hits.append(Note(beat, 0.2, key, velocity))

    def bar(start, pattern, key, velocity):
        for at in pattern:
            hit(start + at, key, velocity)

    eighths = [i / 2 for i in range(8)]
    sixteenths = [i / 4 for i in range(16)]
    for start in range(8, VERSE, 4):  # the intro's second half
        bar(start, sixteenths, SHAKER, 48)
        bar(start, [1, 3], STICK, 70)
        bar(start, [0, 2.5], KICK, 72)
    for i, start in enumerate(range(VERSE, CHORUS, 4)):
        bar(start, [0, 2.5] if i % 2 == 0 else [0, 1.75, 2.5], KICK, 98)
        bar(start, [1, 3], SNARE, 92)
        for at in eighths:
            hit(start + at, HAT, 74 if at % 1 == 0 else 52)
        if i % 2:
            bar(start, [1.75, 2.25], SNARE, 32)
    for i, start in enumerate(range(CHORUS, ENDING, 4)):
        bar(start, [0, 1.5, 2, 3.5] if i % 2 else [0, 1.5, 2.5], KICK, 108)
        bar(start, [1, 3], SNARE, 108)
        bar(start, eighths, RIDE if i >= 4 else HAT, 76)
        bar(start, [3.5], OPEN_HAT, 70)
        for at in sixteenths:
            hit(start + at, TAMBOURINE, 62 if at % 1 == 0.5 else 34)
    for fill in (VERSE, CHORUS, ENDING):  # one beat of toms into the next part
        hits[:] = [h for h in hits if not fill - 1 <= h.start < fill or h.pitch in (KICK, SHAKER)]
        for i in range(4):
            hit(fill - 1 + i / 4, SNARE if i == 0 else TOMS[i], 84 + 8 * i)
    for start in (VERSE, CHORUS, CHORUS + 16, ENDING):
        hit(start, CRASH, 74 if start == VERSE else 90)
    hit(ENDING, KICK, 112)
    return hits


def bass():
    """The electric bass."""
    notes = []
    for start, length, (root, _) in CHORDS:
        root = root - 12 if root >= 40 else root
        if start < 8:
            notes.append(Note(start, length, root, 74))
        elif start < CHORUS:
            notes += [Note(start, 1.4, root, 92), Note(start + 1.5, 0.45, root, 76)]
            if length == 4:
                notes += [Note(start + 2.5, 0.9, root, 88), Note(start + 3.5, 0.45, root + 7, 78)]
        elif start < ENDING:
            for i in range(8):
                pitch = root + 12 if i == 5 else root + 7 if i == 7 else root
                notes.append(Note(start + i / 2, 0.42, pitch, 100 if i % 2 == 0 else 84))
        else:
            notes.append(Note(start, length, root, 96))
    return notes


def electric_piano():
    """Chords on an electric piano, throughout."""
    notes = []
    for start, length, (_, voicing) in CHORDS:
        times = [(0, length)] if start < VERSE or start == ENDING or length == 2 else [(0, 1.5), (1.5, 2.4)]
        for at, hold in times:
            notes += [Note(start + at + 0.02 * i, hold * 0.97, p, 70) for i, p in enumerate(voicing)]
    return notes


def acoustic_guitar():
    """Picked eighths, in the intro and the verse; strummed in the chorus."""
    notes = []
    for start, length, (_, voicing) in CHORDS:
        upper = sorted([*voicing, voicing[0] + 12])
        if start < CHORUS:
            order = [0, 2, 1, 3, 2, 3, 1, 2]
            for i in range(int(length * 2)):
                notes.append(Note(start + i / 2, 0.9, upper[order[i % 8] % len(upper)], 74 - 10 * (i % 2)))
        elif start < ENDING:
            for at, velocity in ((0, 76), (1, 64), (1.5, 58), (2, 74), (2.5, 58), (3, 66), (3.5, 60)):
                notes += [Note(start + at + 0.012 * i, 0.45, p, velocity) for i, p in enumerate(upper)]
        else:
            notes += [Note(start + 0.06 * i, length, p, 72) for i, p in enumerate(upper)]
    return notes


def strings():
    """Long chords under the second half of the verse, the chorus and the end."""
    return [
        Note(start, length * 0.99, pitch + 12 * (start >= CHORUS), 58 if start < CHORUS else 72)
        for start, length, (_, voicing) in CHORDS
        for pitch in voicing[-3:]
        if start >= VERSE + 16
    ]


def bells():
    """The tune of the intro, once more over the chorus' end."""
    tune = [(0, 76), (1, 74), (1.5, 72), (3, 69), (4, 72), (5.5, 69), (8, 76), (9, 79), (9.5, 76), (11, 72), (12, 74)]
    notes = [Note(beat, 1.5, pitch, 78) for beat, pitch in tune]
    return notes + [Note(ENDING + i * 0.5, 4, pitch, 66) for i, pitch in enumerate((72, 76, 79, 84))]
