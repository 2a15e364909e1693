//! A monkey at the plug-in's window: it does there, at random, what a person could, and more. The same for the same
//! seed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fastrand::Rng;

use super::desktop::{Desktop, Window, wait};

/// Steps that are told when something goes wrong.
const TOLD: usize = 20;
/// The row of the plug-in's window that menus hang below, and the distance between rows of a menu.
const HEADER: i32 = 17;
const ROW: i32 = 24;
/// Sizes of the plug-in's window, from less than it can have to more than there is room for.
const WIDTHS: std::ops::Range<u32> = 300..1270;
const HEIGHTS: std::ops::Range<u32> = 200..850;
/// What the plug-in takes, and what it leaves to the host. Nothing that leaves the host.
const KEYS: [&str; 24] = [
    "Tab",
    "shift+Tab",
    "Return",
    "Escape",
    "Up",
    "Down",
    "Left",
    "Right",
    "Home",
    "End",
    "Page_Up",
    "Page_Down",
    "BackSpace",
    "Delete",
    "m",
    "s",
    "1",
    "2",
    "3",
    "4",
    "minus",
    "period",
    "ctrl+a",
    "ctrl+z",
];

/// How long a monkey is let loose on each window, and where its chances begin.
#[derive(Debug, Clone, Copy)]
pub struct Monkey {
    pub time: Duration,
    pub seed: u64,
}

/// A place in the window, from its upper left corner.
type Place = (i32, i32);

/// One thing that it does.
#[derive(Debug, Clone)]
enum Step {
    Click {
        at: Place,
        button: u8,
        times: u8,
    },
    Drag {
        from: Place,
        to: Place,
        is_fine: bool,
    },
    Wheel {
        at: Place,
        button: u8,
        times: u8,
    },
    Key(&'static str),
    /// Opens what hangs below the header, and takes one of its rows.
    Choose {
        x: i32,
        row: i32,
    },
    Resize {
        width: u32,
        height: u32,
    },
    Minimise,
    Close,
    /// In the host's own window.
    PlayOrStop,
    Save,
}

/// What a monkey is let loose on.
pub struct Cage<'a> {
    pub desktop: &'a Desktop,
    /// The host's own window.
    pub main: &'a Window,
    /// Pixels of the host's own above the plug-in's.
    pub bar: u32,
    /// Gives the plug-in's window, which is opened if it isn't there; fails if the host doesn't open it, or has ended.
    pub window: &'a mut dyn FnMut() -> anyhow::Result<Window>,
    /// Closes it; fails if it stays.
    pub close: &'a dyn Fn(&Window) -> anyhow::Result<()>,
}

impl Monkey {
    /// Plays until its time is over.
    pub fn play(self, cage: &mut Cage<'_>) -> anyhow::Result<()> {
        let mut rng = Rng::with_seed(self.seed);
        let mut diary = Diary {
            seed: self.seed,
            num_steps: 0,
            last: VecDeque::with_capacity(TOLD),
        };
        let since = Instant::now();
        while since.elapsed() < self.time {
            let window = (cage.window)().with_context(|| diary.tell())?;
            // It may go at any time: a step that fails says nothing, but the next finds no window.
            let Ok(size) = cage.desktop.size(&window) else {
                continue;
            };
            let step = Step::any(&mut rng, size, cage.bar);
            diary.note(step.clone());
            if matches!(step, Step::Close) {
                (cage.close)(&window).with_context(|| diary.tell())?;
            } else {
                let _ = step.perform(cage, &window);
            }
            wait(rng.f32() * 0.15);
        }
        eprintln!("{} steps with --seed {}", diary.num_steps, diary.seed);
        Ok(())
    }
}

/// What it has done.
struct Diary {
    seed: u64,
    num_steps: u64,
    /// Latest first.
    last: VecDeque<Step>,
}

impl Diary {
    fn note(&mut self, step: Step) {
        self.num_steps += 1;
        self.last.truncate(TOLD - 1);
        self.last.push_front(step);
    }

    fn tell(&self) -> String {
        let Self {
            seed,
            num_steps,
            last,
        } = self;
        format!("after {num_steps} steps of the monkey with --seed {seed}, latest first: {last:?}")
    }
}

impl Step {
    fn any(rng: &mut Rng, (width, height): (u32, u32), bar: u32) -> Self {
        let bar = bar.cast_signed();
        let (right, bottom) = (
            width.cast_signed().max(1),
            height.cast_signed().max(bar + 1),
        );
        let mut place = || (rng.i32(0..right), rng.i32(bar..bottom));
        let (at, to) = (place(), place());
        match rng.u8(0..100) {
            0..35 => Self::Click {
                at,
                button: if rng.u8(0..8) == 0 { 3 } else { 1 },
                times: rng.u8(1..4),
            },
            35..55 => Self::Drag {
                from: at,
                to,
                is_fine: rng.bool(),
            },
            55..65 => Self::Wheel {
                at,
                button: rng.u8(4..6),
                times: rng.u8(1..10),
            },
            65..80 => Self::Key(KEYS[rng.usize(0..KEYS.len())]),
            80..90 => Self::Choose {
                x: at.0,
                row: rng.i32(1..7),
            },
            90..92 => Self::Resize {
                width: rng.u32(WIDTHS),
                height: rng.u32(HEIGHTS),
            },
            92..94 => Self::Minimise,
            94..96 => Self::Close,
            96..98 => Self::PlayOrStop,
            _ => Self::Save,
        }
    }

    fn perform(&self, cage: &Cage<'_>, window: &Window) -> anyhow::Result<()> {
        let Cage { desktop, main, .. } = cage;
        let header = HEADER + cage.bar.cast_signed();
        desktop.raise(window)?;
        match *self {
            Self::Click { at, button, times } | Self::Wheel { at, button, times } => desktop.point(
                window,
                at,
                &format!("click --repeat {times} --delay 40 {button}"),
            ),
            Self::Drag { from, to, is_fine } => {
                let (down, up) = if is_fine {
                    ("keydown shift mousedown 1", "mouseup 1 keyup shift")
                } else {
                    ("mousedown 1", "mouseup 1")
                };
                let between = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
                desktop.point(window, from, down)?;
                // Whatever becomes of the window: no button stays down.
                let moved = [between, to].map(|at| desktop.point(window, at, "sleep 0.03"));
                desktop.hand_does(up)?;
                moved.into_iter().collect()
            }
            Self::Key(key) => desktop.press(window, key),
            Self::Choose { x, row } => {
                desktop.point(window, (x, header), "click 1 sleep 0.4")?;
                desktop.point(window, (x, header + row * ROW), "click 1")
            }
            Self::Resize { width, height } => desktop.resize(window, width, height),
            Self::Minimise => desktop.minimise_and_restore(window),
            // By whoever lets it loose.
            Self::Close => Ok(()),
            Self::PlayOrStop => desktop.press(main, "space"),
            Self::Save => desktop.press(main, "ctrl+s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_every_step_and_all_kinds_come() {
        let steps = |seed| {
            let mut rng = Rng::with_seed(seed);
            let any = || Step::any(&mut rng, (960, 600), 34);
            std::iter::repeat_with(any)
                .take(500)
                .map(|step| format!("{step:?}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
        for kind in [
            "Click",
            "Drag",
            "Wheel",
            "Key",
            "Choose",
            "Resize",
            "Minimise",
            "Close",
            "PlayOrStop",
            "Save",
        ] {
            assert!(steps(1).iter().any(|step| step.starts_with(kind)), "{kind}");
        }
    }

    #[test]
    fn it_never_reaches_for_the_hosts_own_bar() {
        let mut rng = Rng::with_seed(3);
        for _ in 0..1_000 {
            if let Step::Click { at: (x, y), .. } = Step::any(&mut rng, (960, 634), 34) {
                assert!((0..960).contains(&x) && (34..634).contains(&y));
            }
        }
        // However small it has become.
        Step::any(&mut rng, (0, 0), 34);
    }
}
