"""Settings of processes that have to react within a block."""

from __future__ import annotations

import gc
import sys

# Environment for memory on huge pages (glibc 2.35 and newer; other C libraries ignore it). After a rest of 50 ms the first frame of a voice is
# rendered a third faster, because fewer page tables have to be walked.
HUGE_PAGES = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=1073741824"
    ":glibc.malloc.top_pad=67108864"
}


def tune_process(switch_interval_s: float | None = None) -> None:
    """Prevent pauses of this process: collect garbage now and no more (`gc.collect` stays possible), and switch threads more often.

    A collection takes as long as several frames. `switch_interval_s` bounds how long another thread can hold the GIL.
    """
    if switch_interval_s is not None:
        sys.setswitchinterval(switch_interval_s)
    gc.collect()
    gc.freeze()
    gc.disable()
