//! Runs trials: the shared runtime, panics that say where, signals, and the end of everything that was started.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::backing::{self, Backing};
use crate::tenant::{self, Tenant};
use crate::{keycloak, process};

/// Most trials wait most of their time, for a sweep, a floor between two fetches, a fault; with more at once a Keycloak on two cores
/// answers so late that it reads as a failure.
const DEFAULT_THREADS: usize = 4;

/// No test may hang the one test command; long enough for the first one to fetch Keycloak through a slow line.
const TRIAL_LIMIT: Duration = Duration::from_secs(900);

/// How many trials are named at the end as those that took longest.
const SLOWEST: usize = 20;

/// The runtime that all asynchronous tests share, with the proxies and clients that outlive a single `await`.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .expect("a tokio runtime")
    })
}

/// One test. A panic in it is its failure, reported with the lines of `tests/` that led there.
pub fn trial<F, Fut>(name: impl Into<String>, test: F) -> Trial
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    let name = name.into();
    Trial::test(name.clone(), move || {
        let _took = Took { name, since: Instant::now() };
        IN_TRIAL.set(true);
        let outcome = runtime().block_on(async {
            let test = AssertUnwindSafe(async { test().await }).catch_unwind();
            tokio::time::timeout(TRIAL_LIMIT, test).await
        });
        IN_TRIAL.set(false);
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                let said = LAST_PANIC.take();
                Err(Failed::from(said.unwrap_or_else(|| "a panic without a message".to_owned())))
            }
            Err(_) => Err(Failed::from(format!("still running after {TRIAL_LIMIT:?}, given up"))),
        }
    })
}

/// One test on the real Keycloak, and once more on the stand-in, as `stand_in::name`.
pub fn both<F, Fut>(name: &str, test: F) -> [Trial; 2]
where
    F: Fn() -> Fut + Copy + Send + 'static,
    Fut: Future<Output = ()>,
{
    [
        trial(name, move || backing::on(Backing::Keycloak, test())),
        trial(format!("stand_in::{name}"), move || backing::on(Backing::StandIn, test())),
    ]
}

/// One test for an organization: on the real Keycloak, as `in_organization::name`, and on the stand-in.
pub fn in_an_organization<F, Fut>(name: &str, test: F) -> [Trial; 2]
where
    F: Fn() -> Fut + Copy + Send + 'static,
    Fut: Future<Output = ()>,
{
    both(&format!("in_organization::{name}"), move || tenant::of(Tenant::Organization, test()))
}

/// What clients send is answered alike for a realm and for an organization of one: [`both`], and the same test for an
/// organization on the stand-in, as `stand_in::in_organization::name`.
pub fn in_each_tenant<F, Fut>(name: &str, test: F) -> [Trial; 3]
where
    F: Fn() -> Fut + Copy + Send + 'static,
    Fut: Future<Output = ()>,
{
    let [keycloak, stand_in] = both(name, test);
    let [_, organization] = in_an_organization(name, test);
    [keycloak, stand_in, organization]
}

/// [`both`], and both once more for an organization.
pub fn everywhere<F, Fut>(name: &str, test: F) -> [Trial; 4]
where
    F: Fn() -> Fut + Copy + Send + 'static,
    Fut: Future<Output = ()>,
{
    let [keycloak, stand_in] = both(name, test);
    let [organization, stand_ins] = in_an_organization(name, test);
    [keycloak, stand_in, organization, stand_ins]
}

/// Runs what the command line selects and ends every process that was started, whatever happened.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        let from_environment = std::env::var("RUST_TEST_THREADS").ok().and_then(|n| n.parse().ok());
        arguments.test_threads = Some(from_environment.unwrap_or(DEFAULT_THREADS));
    }
    let _ends_all = EndsAll;
    install_panic_hook();
    end_on_signals();
    let conclusion = libtest_mimic::run(&arguments, trials);
    say_slowest();
    conclusion.exit_code()
}

static DURATIONS: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());

/// Notes how long a trial took, however it ends.
struct Took {
    name: String,
    since: Instant,
}

impl Drop for Took {
    fn drop(&mut self) {
        DURATIONS.lock().unwrap().push((self.since.elapsed(), std::mem::take(&mut self.name)));
    }
}

/// Says where the time of the test command goes.
fn say_slowest() {
    let mut durations = std::mem::take(&mut *DURATIONS.lock().unwrap());
    durations.sort_unstable_by(|one, other| other.cmp(one));
    let all: Duration = durations.iter().map(|(took, _)| *took).sum();
    say(&format!("{} trials took {:.0} s together; the longest:", durations.len(), all.as_secs_f64()));
    for (took, name) in durations.iter().take(SLOWEST) {
        say(&format!("{:8.1} s  {name}", took.as_secs_f64()));
    }
}

/// Writes a line about what the harness is doing; on standard error, since standard output is the test report.
pub fn say(line: &str) {
    // Nobody to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Ends everything also when `run` unwinds.
struct EndsAll;

impl Drop for EndsAll {
    fn drop(&mut self) {
        keycloak::stop_shared();
        process::end_all();
    }
}

fn end_on_signals() {
    // Registered before the first test starts, so that no process is started unguarded.
    let _inside = runtime().enter();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).expect("a signal handler");
        runtime().spawn(async move {
            signals.recv().await;
            process::end_all();
            std::process::exit(128 + kind.as_raw_value());
        });
    }
}

thread_local! {
    static IN_TRIAL: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A trial's own panic is kept for its report; any other (in a spawned task, say) is printed at once.
fn install_panic_hook() {
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if IN_TRIAL.get() {
            LAST_PANIC.set(Some(describe(info)));
        } else {
            standard(info);
        }
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message").to_owned();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let mut lines = vec![format!("at {place}: {message}")];
    // A helper's own line says little: name the lines of the tests that called it.
    let trace = Backtrace::force_capture().to_string();
    let mut last = place;
    for frame in trace.lines().filter_map(|line| line.trim().strip_prefix("at ")) {
        let Some(from) = frame.find("tests/keycloak/") else {
            continue;
        };
        let frame = &frame[from..];
        let same_line = |a: &str, b: &str| {
            a.rsplit_once(':').map(|x| x.0.to_owned()) == b.rsplit_once(':').map(|x| x.0.to_owned())
        };
        if frame.starts_with("tests/keycloak/runner.rs") || same_line(frame, &last) {
            continue;
        }
        lines.push(format!("  called from {frame}"));
        last = frame.to_owned();
    }
    lines.join("\n")
}
