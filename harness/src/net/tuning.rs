//! Kernel settings of a network namespace.

use std::path::Path;

/// TCP tries again at least this often on a broken connection.
///
/// By default the pause between tries doubles up to two minutes, so that after
/// a cut of 20 s a connection stays silent for up to 20 s more: that would be
/// measured as the system's recovery. One second is the least the kernel takes.
const TCP_RETRY_MS: &str = "1000";
/// With tries that frequent the default of 15 would give a connection up after
/// some 15 s; the kernel's most makes it last about as long as it does elsewhere.
const TCP_RETRIES: &str = "255";

/// Sets up the network namespace of the calling thread.
///
/// Every setting is a matter of noise and patience, none of function, and some
/// kernels and containers lack or protect some: what cannot be set is left.
pub(super) fn tune() {
    // Router solicitations and multicast reports would show up as frames on
    // links that should be silent.
    set("net/ipv6/conf/all/disable_ipv6", "1");
    set("net/ipv6/conf/default/disable_ipv6", "1");
    // Only together: either alone makes things worse.
    if set("net/ipv4/tcp_rto_max_ms", TCP_RETRY_MS) {
        set("net/ipv4/tcp_retries2", TCP_RETRIES);
    }
}

fn set(name: &str, value: &str) -> bool {
    match std::fs::write(Path::new("/proc/sys").join(name), value) {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(name, value, %error, "a network setting was left as it is");
            false
        }
    }
}
