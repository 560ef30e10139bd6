"""Who gives way to whom: what a person waits for goes first, then separations, then trainings."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading

NORMAL, BELOW, LOWEST = 0, 10, 19
"""Steps of niceness.

Measured (architecture.md, section 4): the window's p99 gap beside a torch job is 69 ms at equal
priority and 29 ms ten steps below it.
"""


def lower_this_process(niceness: int) -> None:
    """Have the whole process give way; there is no way back.

    Parameters
    ----------
    niceness : int
        `NORMAL`, which changes nothing, `BELOW` or `LOWEST`. To be called before there are
        other threads: on Linux they take it over from the one that starts them.
    """
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        classes = {NORMAL: 0x20, BELOW: 0x4000, LOWEST: 0x40}  # normal, below normal, idle
        kernel.SetPriorityClass(ctypes.c_void_p(kernel.GetCurrentProcess()), classes[niceness])
    elif niceness:
        with contextlib.suppress(OSError):
            os.nice(niceness)


def lower_this_thread() -> None:
    """Have the calling thread alone give way as `BELOW` does; there is no way back."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(ctypes.c_void_p(kernel.GetCurrentThread()), -1)
    elif sys.platform == "darwin":
        # There niceness is a process's; what threads have is a quality of service.
        ctypes.CDLL(None).pthread_set_qos_class_self_np(0x11, 0)  # QOS_CLASS_UTILITY
    else:
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            now = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, min(now + BELOW, LOWEST))
