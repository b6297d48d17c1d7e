// The time of day of a program that is started with this library is FAKE_CLOCK_SECONDS ahead. Libraries of Debian that do the same
// cannot be loaded together with the program's allocator, which asks for the time before they are ready.

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long seconds;

__attribute__((constructor)) static void read_seconds(void) {
    const char *text = getenv("FAKE_CLOCK_SECONDS");
    seconds = text ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += seconds;
    return result;
}
