//! Where the server's programs are: PATH seldom holds them on Debian.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::Error;

/// Oldest version this runs on (D19).
pub const VERSION_MIN: u32 = 15;

/// One installed PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    /// The newest usable installation (of equal ones the first), or exactly the one that made `data` if that is a data folder already.
    pub fn find(data: &Path) -> Result<Self, Error> {
        Self::among(&places(), data)
    }

    fn among(places: &[PathBuf], data: &Path) -> Result<Self, Error> {
        let looked = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ");
        let installed = places.iter().filter_map(|dir| Self::at(dir));
        match fs::read_to_string(data.join("PG_VERSION")) {
            Ok(version) => {
                let version = version.trim().to_owned();
                let made_it = |found: &Self| found.major.to_string() == version;
                installed
                    .into_iter()
                    .find(made_it)
                    .ok_or(Error::OtherVersion { dir: data.to_owned(), version })
            }
            Err(_) => installed
                .filter(|found| found.major >= VERSION_MIN)
                .rev()
                .max_by_key(|found| found.major)
                .ok_or(Error::NoBinaries { looked }),
        }
    }

    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn at(dir: &Path) -> Option<Self> {
        if !dir.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { dir: dir.to_owned(), major })
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → 15
fn major(version: &str) -> Option<u32> {
    let number = version.split(") ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// In order of preference among equal versions.
fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && output.status.success()
    {
        places.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(debian.map(|version| version.path().join("bin")));
    places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_programs_the_error_says_what_to_install() {
        let places = ["/nowhere".into(), "/tmp".into()];
        let said = Binaries::among(&places, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(said.contains("apt-get install postgresql-15") && said.contains("/nowhere, /tmp"), "{said}");
    }

    #[test]
    fn versions_are_read_as_debian_and_the_project_write_them() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("something else"), None);
    }
}
