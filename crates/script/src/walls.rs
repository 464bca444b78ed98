//! What the child gives up before it reads any code, so that whoever breaks out of the engine finds nothing to use: more
//! memory, files, connections, processes, privileges. Raised once, in a process that does nothing else; nothing takes them
//! down again.
//!
//! On Linux there are two: limits of resources, and a filter of system calls (seccomp) for all threads. Elsewhere there are
//! the limits that the system has and no filter: good for trying scripts out, not for strangers' scripts. Where a wall of
//! Linux cannot be raised, the child refuses to work.

use crate::pipe::Start;

/// A wall could not be raised.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Gap {
    /// How much memory the process has already is not known.
    #[cfg(target_os = "linux")]
    #[error("cannot read /proc/self/statm, so memory cannot be limited")]
    Memory,
    /// A limit was refused.
    #[cfg(unix)]
    #[error("the limit {name} cannot be set: {source}")]
    Limit { name: &'static str, source: rustix::io::Errno },
    /// The kernel takes no filter.
    #[cfg(target_os = "linux")]
    #[error("system calls cannot be filtered (seccomp): {0}")]
    Filter(#[from] seccompiler::Error),
    /// The filter cannot be made for this processor.
    #[cfg(target_os = "linux")]
    #[error("system calls cannot be filtered on this processor: {0}")]
    Processor(#[from] seccompiler::BackendError),
}

/// Raises the walls around this process.
#[cfg(target_os = "linux")]
pub(crate) fn raise(start: &Start) -> Result<(), Gap> {
    limits::lower(start)?;
    filter::apply()
}

/// Raises the walls that there are.
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn raise(_: &Start) -> Result<(), Gap> {
    limits::lower_the_plain()
}

/// Raises the walls that there are: none.
#[cfg(not(unix))]
pub(crate) fn raise(_: &Start) -> Result<(), Gap> {
    Ok(())
}

#[cfg(unix)]
mod limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::Gap;
    #[cfg(target_os = "linux")]
    use super::Start;

    /// What the process may take beside the engine's memory and what goes through the pipes: the allocators' own, and the
    /// threads' stacks as far as they are used.
    #[cfg(target_os = "linux")]
    const OWN_MEMORY_BYTES: u64 = 32 << 20;

    /// How much address space may be reserved beyond what is used: glibc reserves 128 MiB for each thread that allocates,
    /// and mimalloc a gigabyte if it may.
    #[cfg(target_os = "linux")]
    const RESERVED_BYTES: u64 = 512 << 20;

    /// How often what goes through the pipes is in memory at once: the frame, what was read from it, and its copies on the
    /// way into the engine or out of it.
    #[cfg(target_os = "linux")]
    const COPIES: u64 = 4;

    /// No core dumps, no files that grow, no new files.
    const PLAIN: &[(Resource, &str, u64)] = &[
        (Resource::Core, "core", 0),
        (Resource::Fsize, "fsize", 0),
        (Resource::Nofile, "nofile", 0),
    ];

    pub(super) fn lower_the_plain() -> Result<(), Gap> {
        PLAIN.iter().try_for_each(|(resource, name, most)| set(*resource, name, *most))
    }

    #[cfg(target_os = "linux")]
    pub(super) fn lower(start: &Start) -> Result<(), Gap> {
        let (all, data) = in_use().ok_or(Gap::Memory)?;
        let pipes = start.ask_bytes_max().saturating_add(start.answer_bytes_max());
        let more = (start.memory_bytes_max as u64)
            .saturating_add((pipes as u64).saturating_mul(COPIES))
            .saturating_add(OWN_MEMORY_BYTES);
        set(Resource::Data, "data", data.saturating_add(more))?;
        set(Resource::As, "as", all.saturating_add(more).saturating_add(RESERVED_BYTES))?;
        lower_the_plain()?;
        // All threads are there. The limit counts all processes of the user, and holds for this one only.
        set(Resource::Nproc, "nproc", 0)
    }

    fn set(resource: Resource, name: &'static str, most: u64) -> Result<(), Gap> {
        // The operator may have set a lower one, which nobody may raise.
        let most = getrlimit(resource).maximum.map_or(most, |already| already.min(most));
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|source| Gap::Limit { name, source })
    }

    /// The bytes of address space, and of those what holds data.
    #[cfg(target_os = "linux")]
    fn in_use() -> Option<(u64, u64)> {
        let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: Vec<u64> = statm.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let page = rustix::param::page_size() as u64;
        Some((pages.first()?.saturating_mul(page), pages.get(5)?.saturating_mul(page)))
    }
}

#[cfg(target_os = "linux")]
mod filter {
    use std::collections::BTreeMap;

    use seccompiler::SeccompCmpArgLen::Dword;
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    use super::Gap;

    /// What computing, waiting, clocks, and ending take.
    const FREE: &[libc::c_long] = &[
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// Lets all threads do what a script takes, and nothing else: every other call fails, as if it were not permitted. A
    /// library that tries something needless goes on; so a new version of one does not end scripts.
    pub(super) fn apply() -> Result<(), Gap> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            FREE.iter().map(|call| (*call, Vec::new())).collect();
        rules.insert(libc::SYS_read, only(0, SeccompCmpOp::Eq, libc::STDIN_FILENO as u64)?);
        rules.insert(libc::SYS_write, only(0, SeccompCmpOp::Eq, libc::STDOUT_FILENO as u64)?);
        // Memory that is never code.
        let executable = libc::PROT_EXEC as u64;
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            rules.insert(call, only(2, SeccompCmpOp::MaskedEq(executable), 0)?);
        }
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Errno(libc::EPERM as u32),
            SeccompAction::Allow,
            std::env::consts::ARCH.try_into()?,
        )?;
        let program: BpfProgram = filter.try_into()?;
        // This also gives up new privileges (no_new_privs), without which the kernel takes no filter.
        Ok(seccompiler::apply_filter_all_threads(&program)?)
    }

    /// Where an argument is so.
    fn only(argument: u8, is: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, Gap> {
        let condition = SeccompCondition::new(argument, Dword, is, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::thread;

    use super::*;

    /// What the process behind the walls says when all was tried.
    const HELD: &str = "the walls held";

    const START: Start = Start {
        memory_bytes_max: 16 << 20,
        code_bytes_max: 1000,
        input_bytes_max: 1000,
        output_bytes_max: 1000,
    };

    /// Walls are for good, so they are raised in a process of their own: this test binary, with one test.
    #[test]
    fn nothing_can_be_opened_started_or_reached_behind_the_walls() {
        let output = Command::new(std::env::current_exe().expect("this binary is there"))
            .args(["walls::tests::behind_the_walls", "--exact", "--ignored", "--nocapture"])
            .args(["--test-threads", "1"])
            .output()
            .expect("this binary runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(HELD), "{output:?}");
    }

    #[test]
    #[ignore = "it walls its own process in: the test above runs it in one of its own"]
    fn behind_the_walls() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let mut open_already = File::open("/proc/self/exe").expect("it can be read");
        raise(&START).expect("the walls are raised");

        assert!(File::open("/etc/passwd").is_err(), "a file");
        assert!(File::create("/tmp/tidings-script-escaped").is_err(), "a new file");
        assert!(std::fs::read_dir("/").is_err(), "a folder");
        assert!(std::fs::remove_file("/tmp/tidings-script-escaped").is_err());
        assert!(open_already.read(&mut [0; 4]).is_err(), "a file that was open before");
        assert!(TcpStream::connect(address).is_err(), "a connection");
        assert!(listener.accept().is_err(), "a caller");
        assert!(UdpSocket::bind("127.0.0.1:0").is_err(), "a datagram");
        assert!(UnixStream::pair().is_err(), "a pair of sockets");
        assert!(Command::new("/bin/true").status().is_err(), "a process");
        assert!(thread::Builder::new().spawn(|| ()).is_err(), "a thread");
        assert!(std::io::stderr().write_all(b"x").is_err(), "another pipe");
        assert!(std::fs::read_to_string("/proc/self/status").is_err(), "the kernel's files");
        let mut hoard: Vec<Vec<u8>> = Vec::new();
        let hoarded = (0..1024).find(|_| {
            let mut more = Vec::new();
            let refused = more.try_reserve_exact(1 << 20).is_err();
            more.resize(more.capacity(), 1);
            hoard.push(more);
            refused
        });
        assert!(hoarded.is_some(), "a gigabyte");
        drop(hoard);
        writeln!(std::io::stdout(), "{HELD}").expect("what was open for this is open");
    }
}
