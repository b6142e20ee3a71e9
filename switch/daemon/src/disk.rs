//! Work that waits for a disk or takes long, away from the few threads that answer the watchdog, the operator and the
//! database. Engine, relay and journal have threads of their own and do not need this.

use std::io;

/// Does `work` on a thread that may wait. A panic in there is an error here.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        fs::File,
        path::{Path, PathBuf},
        sync::mpsc,
        time::Duration,
    };

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    /// A disk that does nothing until it is let go: a pipe in the place of the file that is about to be written.
    pub(crate) struct StuckDisk {
        pipe: PathBuf,
    }

    impl StuckDisk {
        /// Whoever replaces `file` waits from now on.
        pub(crate) fn under(file: &Path) -> Self {
            let mut name = file.file_name().unwrap().to_os_string();
            name.push(".new");
            let pipe = file.with_file_name(name);
            mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            Self { pipe }
        }

        /// Runs `writing` on the only thread of a runtime, and says whether that thread did something else meanwhile.
        pub(crate) fn leaves_the_thread_to_others(self, writing: impl Future) -> bool {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (tell, told) = mpsc::channel();
            let letting_go = std::thread::spawn(move || {
                let is_told = told.recv_timeout(Duration::from_secs(10)).is_ok();
                drop(File::open(&self.pipe).unwrap());
                is_told
            });
            let others = async {
                for _ in 0..3 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tell.send(()).unwrap();
            };
            runtime.block_on(async { tokio::join!(writing, others) });
            letting_go.join().unwrap()
        }
    }
}
