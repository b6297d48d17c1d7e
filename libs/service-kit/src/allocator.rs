//! The memory allocator of all programs. The one of glibc keeps what a few large responses needed: requests are handled by many
//! threads, each of which gets memory of its own, and rows are freed by another thread than the one that read them. mimalloc
//! returns unused memory to the system at once. `SQLite` uses it, too.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
