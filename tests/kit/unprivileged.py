"""``python -m tests.kit.unprivileged COMMAND...``: root, but file permissions hold for it as for anybody."""

import ctypes
import os
import sys

PR_CAPBSET_DROP = 24  # prctl(2)
CAP_DAC_OVERRIDE = 1  # capabilities(7): bypass file read, write, and execute permission checks

if __name__ == "__main__":
    if os.geteuid() == 0:
        ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - what the test names
