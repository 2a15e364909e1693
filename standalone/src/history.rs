//! Undo and redo of what was set in the window: one gesture is one step, and so is what was set in one go.

/// Steps that are kept.
const MAX_STEPS: usize = 500;
/// Changes of one parameter that follow each other faster are one step, in seconds: a turn of the wheel.
const TOGETHER: f64 = 0.5;

/// One parameter, put from one place to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Which, in the order of the parameters.
    pub param: usize,
    /// Where it was, normalised.
    pub before: f32,
    /// Where it is, normalised.
    pub after: f32,
}

/// What was done, and what was undone.
#[derive(Debug, Default)]
pub struct History {
    done: Vec<Step>,
    undone: Vec<Step>,
    /// Gestures that go on.
    begun: Vec<(usize, f32)>,
    /// Gestures that have ended since the last [`Self::settle`].
    ended: Vec<Change>,
}

#[derive(Debug)]
struct Step {
    changes: Vec<Change>,
    time: f64,
}

impl History {
    /// A gesture begins.
    pub fn begin(&mut self, param: usize, value: f32) {
        self.begun.push((param, value));
    }

    /// A gesture ends.
    pub fn end(&mut self, param: usize, value: f32) {
        let Some(idx) = self.begun.iter().position(|(begun, _)| *begun == param) else {
            return;
        };
        let (_, before) = self.begun.remove(idx);
        if before.to_bits() != value.to_bits() {
            self.ended.push(Change {
                param,
                before,
                after: value,
            });
        }
    }

    /// What has ended until `now`, in seconds since any start, is one step.
    pub fn settle(&mut self, now: f64) {
        if self.ended.is_empty() || !self.begun.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.ended);
        self.undone.clear();
        if let ([change], Some(last)) = (&changes[..], self.done.last_mut())
            && let [earlier] = &mut last.changes[..]
            && earlier.param == change.param
            && now - last.time < TOGETHER
        {
            earlier.after = change.after;
            last.time = now;
            return;
        }
        if self.done.len() == MAX_STEPS {
            self.done.remove(0);
        }
        self.done.push(Step { changes, time: now });
    }

    /// Whether there is something to undo, and to redo.
    pub fn can(&self) -> (bool, bool) {
        (!self.done.is_empty(), !self.undone.is_empty())
    }

    /// Takes the last step back: parameters, and what to put them to.
    pub fn undo(&mut self) -> Vec<(usize, f32)> {
        let Some(mut step) = self.done.pop() else {
            return Vec::new();
        };
        // What comes next is a step of its own.
        step.time = f64::NEG_INFINITY;
        if let Some(last) = self.done.last_mut() {
            last.time = f64::NEG_INFINITY;
        }
        let changes = step.changes.iter().rev();
        let values = changes
            .map(|change| (change.param, change.before))
            .collect();
        self.undone.push(step);
        values
    }

    /// Does again what was undone last.
    pub fn redo(&mut self) -> Vec<(usize, f32)> {
        let Some(step) = self.undone.pop() else {
            return Vec::new();
        };
        let changes = step.changes.iter();
        let values = changes.map(|change| (change.param, change.after)).collect();
        self.done.push(step);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gesture(history: &mut History, param: usize, before: f32, after: f32) {
        history.begin(param, before);
        history.end(param, after);
    }

    #[test]
    fn a_gesture_is_one_step_and_so_is_what_was_set_in_one_go() {
        let mut history = History::default();
        // A fader is dragged through many frames.
        history.begin(0, 0.5);
        for frame in 0..30 {
            history.settle(f64::from(frame) / 60.0);
        }
        assert_eq!(history.can(), (false, false));
        history.end(0, 0.75);
        history.settle(1.0);
        // A preset sets two at once.
        gesture(&mut history, 1, 0.0, 1.0);
        gesture(&mut history, 2, 1.0, 0.25);
        history.settle(2.0);
        assert_eq!(history.undo(), [(2, 1.0), (1, 0.0)]);
        assert_eq!(history.undo(), [(0, 0.5)]);
        assert_eq!(history.undo(), []);
        assert_eq!(history.redo(), [(0, 0.75)]);
        assert_eq!(history.redo(), [(1, 1.0), (2, 0.25)]);
        assert_eq!(history.redo(), []);
    }

    #[test]
    fn a_turn_of_the_wheel_is_one_step() {
        let mut history = History::default();
        for (notch, value) in [0.1, 0.2, 0.3].into_iter().enumerate() {
            gesture(&mut history, 0, value - 0.1, value);
            history.settle(notch as f64 * 0.2);
        }
        gesture(&mut history, 0, 0.3, 0.9);
        history.settle(10.0);
        assert_eq!(history.undo(), [(0, 0.3)]);
        assert_eq!(history.undo(), [(0, 0.0)]);
        assert_eq!(history.can(), (false, true));
    }

    #[test]
    fn what_changes_nothing_is_no_step_and_what_is_new_ends_what_was_undone() {
        let mut history = History::default();
        gesture(&mut history, 0, 0.5, 0.5);
        history.settle(0.0);
        assert_eq!(history.can(), (false, false));
        gesture(&mut history, 0, 0.5, 0.6);
        history.settle(1.0);
        history.undo();
        gesture(&mut history, 0, 0.5, 0.7);
        history.settle(1.1);
        assert_eq!(history.can(), (true, false));
        assert_eq!(history.undo(), [(0, 0.5)]);
        history.redo();
        // Soon after, and still a step of its own: what was undone is not to grow.
        history.undo();
        assert_eq!(history.can(), (false, true));
    }
}
