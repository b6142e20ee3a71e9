//! The user that PostgreSQL runs as when we are root.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use super::Error;
use crate::child::{Identity, setpriv};

/// `None` when we are not root and it runs as ourselves. A data folder that exists keeps its owner.
pub(super) fn stand_in(data: &Path) -> Result<Option<Identity>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    if let Ok(folder) = fs::metadata(data)
        && folder.uid() != 0
    {
        return Ok(Some(Identity { uid: folder.uid(), gid: folder.gid() }));
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].iter().find_map(|name| identity(&users, name));
    found.map(Some).ok_or(Error::NoStandIn)
}

fn identity(users: &str, name: &str) -> Option<Identity> {
    let mut fields = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Identity { uid, gid })
}

/// Whether the stand-in can get into `folder`. Asked of the system, not computed from mode bits: there are
/// access lists, too.
pub(super) fn may_enter(identity: &Identity, folder: &Path) -> bool {
    let mut test = setpriv(Some(identity), None, &[]);
    test.arg("test").arg("-x").arg(folder).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgresql:x:7:7::/:/bin/sh\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        let found = identity(users, "postgres");
        assert_eq!(found, Some(Identity { uid: 101, gid: 104 }));
        assert_eq!(identity(users, "nobody"), None);
    }
}
