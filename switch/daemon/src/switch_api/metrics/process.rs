//! What every process tells Prometheus of itself, by the names that all client libraries use. Read from `/proc/self`.

use std::{fs, time::Instant};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use super::page::Page;

/// Fields of `/proc/self/stat` behind the name (proc_pid_stat(5)), counted from 0.
const STAT_USER_TICKS: usize = 11;
const STAT_SYSTEM_TICKS: usize = 12;
const STAT_THREADS: usize = 17;
const STAT_VIRTUAL_BYTES: usize = 20;
const STAT_RESIDENT_PAGES: usize = 21;

pub(super) fn write(page: &mut Page, started: Instant) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may hold anything, also spaces; what follows its last bracket may not.
    let fields: Vec<u64> = stat.rsplit_once(") ").map_or(Vec::new(), |(_, fields)| {
        fields.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).collect()
    });
    let field = |at: usize| fields.get(at).copied().unwrap_or(0);
    let ticks = field(STAT_USER_TICKS) + field(STAT_SYSTEM_TICKS);
    let micros = ticks.saturating_mul(1_000_000) / clock_ticks_per_second().max(1);
    page.seconds("counter", "process_cpu_seconds_total", "Processor time used.", micros);
    let resident = field(STAT_RESIDENT_PAGES) * page_size() as u64;
    page.gauge("process_resident_memory_bytes", "Memory in RAM.", resident);
    page.gauge("process_virtual_memory_bytes", "Memory mapped.", field(STAT_VIRTUAL_BYTES));
    page.gauge("process_threads", "Threads.", field(STAT_THREADS));
    let open = fs::read_dir("/proc/self/fd").map_or(0, |open| open.count() as u64);
    page.gauge("process_open_fds", "Open file descriptors.", open);
    let max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    page.gauge("process_max_fds", "File descriptors that may be open.", max);
    let now = crate::clock::unix_now().0;
    let up = i64::try_from(started.elapsed().as_micros()).unwrap_or(0);
    let since = u64::try_from(now.saturating_sub(up)).unwrap_or(0);
    page.seconds("gauge", "process_start_time_seconds", "When it was started, since 1970.", since);
}
