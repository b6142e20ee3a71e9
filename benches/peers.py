"""The table of `bin/bench peers`: medians with their ranges, and ratios between what was measured in one sitting."""

import json
import statistics
import sys

rows = {}
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        row = json.loads(line)
        rows.setdefault(row["name"], []).append(row)


def figures(name, key):
    found = [row[key] for row in rows.get(name, []) if isinstance(row.get(key), (int, float))]
    failed = sum(row.get("failed") or 0 for row in rows.get(name, []))
    # A ramp ends with a rate that is not clean.
    if failed and name != "ramp":
        print(f"!! {name}: {failed} failed")
    return found


def line(label, name, key, unit, beside=None):
    ours = figures(name, key)
    if not ours:
        return None
    median = statistics.median(ours)
    text = f"{label:<44} {median:9.3f} {unit:<8} ({min(ours):.3f}–{max(ours):.3f})"
    theirs = figures(beside, key) if beside else []
    if theirs:
        text += f"  = {median / statistics.median(theirs):.2f} × {statistics.median(theirs):.3f} of Kamailio"
    print(text)
    return median


line("CPU of a digest REGISTER, 500/s", "register/sambung", "cpu_ms_per_reg", "ms", "register/kamailio")
line("CPU of a call, 50/s", "call/sambung", "cpu_ms_per_call", "ms", "call/kamailio")
line("CPU of a call, 400/s", "call at 400/sambung", "cpu_ms_per_call", "ms", "call at 400/kamailio")
line("memory of a registration", "weight of a registration", "bytes_per_reg_pss", "bytes")
line("memory of an established call", "weight of a call", "kib_per_call", "KiB")
for accounts in (100, 1_000, 10_000, 100_000):
    line(f"CPU of a call, 100/s, {accounts} registered", f"flat/{accounts}", "cpu_ms_per_call", "ms")
line("highest clean rate", "ramp", "max_clean_rate", "calls/s")
