//! A disk that can be filled.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A file system of a few MB, until it is dropped.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` without the right to mount.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let dir = TempDir::new().expect("a temporary directory");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(dir))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes until not a byte has room.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.path().join("fill")).expect("a file on the small disk");
        for size in [64 << 10, 4 << 10, 1] {
            while file.write(&vec![1; size]).is_ok() {}
        }
    }

    /// Removes what [`fill`](Self::fill) has written.
    pub fn free(&self) {
        fs::remove_file(self.path().join("fill")).expect("the disk was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status().expect("umount");
        assert!(unmounted.success(), "the small disk is unmounted");
    }
}
