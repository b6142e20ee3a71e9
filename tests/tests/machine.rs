//! The package under a real systemd: this computer's own, booted as PID 1 of its own namespaces (`bin/machine`). Each
//! story has a machine of its own. Where none can be made this says so, and `bin/test` says it again at its end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use tests::process::binary;

/// `bin/machine` says by it that it cannot.
const IMPOSSIBLE: i32 = 77;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The package of the programs as cargo built them for the tests.
fn package() -> PathBuf {
    let program = binary("sambungd").unwrap();
    let build = program.parent().unwrap();
    let folder = build.parent().unwrap().join("deb").join(build.file_name().unwrap());
    let mut found = fs::read_dir(&folder).map(|all| all.flatten().map(|one| one.path()).collect::<Vec<_>>());
    let package = found.as_mut().ok().and_then(Vec::pop);
    package.unwrap_or_else(|| {
        panic!("{} has no package: run `BUILD=debug bin/package` first, as bin/test does", folder.display())
    })
}

fn tell(story: &str) {
    let mut machine = Command::new(root().join("bin/machine"));
    let told = machine.arg(binary("installed").unwrap()).arg(story).arg(package()).output().unwrap();
    let said = [told.stdout, told.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let _ = writeln!(std::io::stderr(), "{story}:\n{said}");
    if told.status.code() == Some(IMPOSSIBLE) {
        let _ = writeln!(std::io::stderr(), "NOT PROVEN HERE: {story} under a real systemd");
        return;
    }
    assert!(told.status.success(), "{story}: {}\n{said}", told.status);
}

#[test]
fn the_package_installs_works_upgrades_under_calls_and_purges_under_systemd() {
    tell("package");
}

#[test]
fn a_restart_at_fifty_calls_a_second_fails_no_call_under_systemd() {
    tell("restart");
}

#[test]
fn calls_outlive_kill_9_under_systemd() {
    tell("crash");
}

#[test]
fn a_thread_that_hangs_is_noticed_and_calls_go_on_under_systemd() {
    tell("hanging");
}

#[test]
fn an_upgrade_that_cannot_read_the_calls_ends_them_with_bye_under_systemd() {
    tell("heirless");
}
