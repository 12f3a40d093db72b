//! Parts of the sandbox, tried one by one for the doctor. Each is called in a
//! process that can be thrown away.

use super::{Privilege, SandboxError, namespaces};

/// Enters all namespaces, and keeps what is mounted there from the machine.
pub(crate) fn enter_room() -> Result<Privilege, SandboxError> {
    let privilege = namespaces::unshare()?;
    namespaces::keep_mounts_private()?;
    Ok(privilege)
}

/// Enters a user namespace, whether it is needed or not.
pub(crate) fn enter_user_namespace() -> Result<(), SandboxError> {
    namespaces::unshare_as_user()
}

/// Makes the namespaces fit to live in; the caller is process 1 of them.
pub(crate) fn furnish() -> Result<(), SandboxError> {
    namespaces::furnish(false)
}
