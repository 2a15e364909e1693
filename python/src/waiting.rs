//! Long work off the interpreter's hands: other Python threads run, callbacks are called in the thread that
//! asked, and Ctrl-C ends it within a moment.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use unweave_separation::Terminator;

/// How often is looked whether Ctrl-C was pressed: at once, to a person.
const LOOK: Duration = Duration::from_millis(50);

/// Runs `work` in a thread of its own, without the interpreter, until it ends or the caller is interrupted.
///
/// What `work` sends goes to `on_news` in the calling thread, with the interpreter. If that raises, or a signal
/// handler does (Ctrl-C), `cancel` is used, `work` is waited for, and the exception goes on.
///
/// # Errors
/// What was raised meanwhile; whatever `work` gives is a result.
pub fn run<T: Send, News: Send>(
    py: Python<'_>,
    cancel: &Terminator,
    work: impl FnOnce(&Sender<News>) -> T + Send,
    mut on_news: impl FnMut(Python<'_>, News) -> PyResult<()> + Send,
) -> PyResult<T> {
    py.detach(|| {
        thread::scope(|scope| {
            let (sender, news) = channel();
            let working = scope.spawn(move || work(&sender));
            let raised = loop {
                let news = match news.recv_timeout(LOOK) {
                    Ok(news) => Some(news),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break None,
                };
                let heard = Python::attach(|py| {
                    py.check_signals()?;
                    news.map_or(Ok(()), |news| on_news(py, news))
                });
                if let Err(raised) = heard {
                    cancel.terminate();
                    break Some(raised);
                }
            };
            let result = working
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            raised.map_or(Ok(result), Err)
        })
    })
}
