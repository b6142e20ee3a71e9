//! What happens to an installed switch, for `bin/machine`: `installed STORY PACKAGE` tells one of package, restart, crash,
//! hanging, heirless and survival. Nowhere else: it installs and purges.

use std::{
    env,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Result, bail, ensure};
use tests::machine::stories;

/// Of [`stories::survival`].
const CALLS: u16 = 100;
const KILLS: usize = 20;

fn main() -> ExitCode {
    let told = tell();
    let (text, code) = match told {
        Ok(report) => (report, ExitCode::SUCCESS),
        Err(error) => (format!("{error:#}\n"), ExitCode::FAILURE),
    };
    // Nobody to tell if it is closed.
    let _ = io::stdout().write_all(text.as_bytes());
    code
}

fn tell() -> Result<String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [story, package] = arguments.as_slice() else { bail!("installed STORY PACKAGE") };
    // The name that `bin/machine` gives its machines.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    ensure!(host.trim() == "machine", "only inside bin/machine: this changes what is installed");
    let package = Path::new(package);
    match story.as_str() {
        "package" => stories::package(package),
        "restart" => stories::restart(package),
        "crash" => stories::crash(package),
        "hanging" => stories::hanging(package),
        "heirless" => stories::heirless(package),
        "survival" => stories::survival(package, CALLS, KILLS),
        other => bail!("no story is called {other}"),
    }
}
