# A serial line for the demo: two ptys under the names given, joined at a baud rate. "cut" and "heal" come on stdin, and the line goes when stdin ends.
import os
import select
import sys
import time
import tty


def port(name):
    """The end of a port that the line holds. The other end stays open as well: a port that nobody uses just now is no error."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    if os.path.islink(name):
        os.unlink(name)
    os.symlink(os.ttyname(slave), name)
    return master


left, right = port(sys.argv[1]), port(sys.argv[2])
rate = int(sys.argv[3]) / 10  # a byte has ten bits
other = {left: right, right: left}
free = {left: 0.0, right: 0.0}  # when the wire is through with what was sent last
whole = True
print('ready', flush=True)
while True:
    now = time.monotonic()
    idle = [end for end in other if free[end] <= now]
    wait = min((free[end] - now for end in other if free[end] > now), default=None)
    readable = select.select([0, *idle], [], [], wait)[0]
    if 0 in readable:
        said = os.read(0, 100)
        if not said:
            break
        whole = said.split()[-1] == b'heal'
    for end in idle:
        if end not in readable:
            continue
        sent = os.read(end, 64)
        free[end] = max(now, free[end]) + len(sent) / rate
        if whole:
            try:
                os.write(other[end], sent)
            except BlockingIOError:
                pass  # nobody reads there: a wire keeps nothing
