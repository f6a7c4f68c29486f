"""Sends requests that libnbd would refuse to send, and checks the error of each."""
import errno
import sys

import nbd

h = nbd.NBD()
h.add_meta_context("base:allocation")
h.connect_uri(sys.argv[1])
h.set_strict_mode(0)
size = h.get_size()
data = bytes(512)


def expect(code, call, *args):
    try:
        call(*args)
    except nbd.Error as e:
        assert e.errnum == code, f"{call.__name__}{args[-2:]}: {e}"
    else:
        assert code == 0, f"{call.__name__} succeeded"


for i in range(3):
    expect(errno.EINVAL, h.pread, 512, size)
    expect(errno.EINVAL, h.pread, 1024, size - 512)
    expect(errno.EINVAL, h.pread, 512, 2**63 - 1)
    expect(errno.ENOSPC, h.pwrite, data, size)
    expect(errno.ENOSPC, h.pwrite, data, size - 511)
    expect(errno.EINVAL, h.pwrite, data, 2**64 - 512)
    expect(errno.EINVAL, h.pwrite, data, 0, 1 << 14)
    expect(errno.EINVAL, h.pwrite, data, 0, nbd.CMD_FLAG_DF)
    expect(errno.ENOSPC, h.zero, 2**32 - 1, size - 1)
    expect(errno.EINVAL, h.trim, 2**32 - 1, size - 1)
    expect(errno.EINVAL, h.cache, 1, size)
    expect(errno.EINVAL, h.block_status, 0, 0, lambda *a: 0)
    expect(errno.EINVAL, h.block_status, 2**32 - 1, 0, lambda *a: 0)
    expect(0, h.pread, 0, 0)
    expect(0, h.pwrite, b"", size)
    expect(0, h.trim, 0, 0)
    expect(0, h.flush, nbd.CMD_FLAG_FUA)
    expect(0, h.pwrite, data, 512, nbd.CMD_FLAG_FUA)
    expect(0, h.zero, 4096, 0, nbd.CMD_FLAG_FUA | nbd.CMD_FLAG_FAST_ZERO)
    expect(0, h.trim, 4096, 0, nbd.CMD_FLAG_FUA)
h.shutdown()
