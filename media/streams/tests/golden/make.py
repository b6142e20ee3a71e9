#!/usr/bin/env python3
"""Makes the reference files of tests/reference.rs with implementations that are not ours.

G.711: audioop of the Python standard library (until 3.12), after Sun's g711.c. G.722: PyPI `G722` 1.2.8, libg722 of
Sippy Software. Run in a virtual environment with `pip install G722==1.2.8`; the files are committed, tests need neither.
"""

import array
import audioop
import math
import pathlib

import G722

HERE = pathlib.Path(__file__).parent
RATE = 16_000


def little(samples):
    data = array.array("h", samples)
    assert data.itemsize == 2
    return data.tobytes()


def g711():
    """Per law: the sample of each octet, then for each octet in rising order of sample the lowest sample coded as it."""
    for law, encode, decode in (
        ("pcmu", audioop.lin2ulaw, audioop.ulaw2lin),
        ("pcma", audioop.lin2alaw, audioop.alaw2lin),
    ):
        decoded = decode(bytes(range(256)), 2)
        codes = encode(little(range(-32_768, 32_768)), 2)
        steps = [(codes[0], -32_768)]
        for n, code in enumerate(codes):
            if code != steps[-1][0]:
                steps.append((code, n - 32_768))
        assert len({code for code, _ in steps}) == len(steps), "monotonic"
        lines = [" ".join(map(str, array.array("h", decoded)))]
        lines += [f"{code} {lowest}" for code, lowest in steps]
        (HERE / f"{law}.txt").write_text("\n".join(lines) + "\n")


def sound():
    """A sweep, speech-like bursts, noise, both ends of the range, silence: 1.2 s that reach every branch."""
    out, state = [], 1
    for n in range(RATE * 12 // 10):
        t = n / RATE
        state = (state * 1_664_525 + 1_013_904_223) & 0xFFFF_FFFF
        noise = (state >> 16) - 32_768
        if t < 0.4:
            value = 12_000 * math.sin(2 * math.pi * (100 + 9_500 * t) * t)
        elif t < 0.6:
            value = 20_000 * math.exp(-((n % 127) / 30)) * math.sin(n * 0.4) + noise / 40
        elif t < 0.8:
            value = noise
        elif t < 0.9:
            value = 32_767 if (n // 23) % 2 else -32_768
        elif t < 1.0:
            value = 0
        else:
            value = 300 * math.sin(n * 0.05) + noise / 400
        out.append(max(-32_768, min(32_767, round(value))))
    return out


def g722():
    pcm = sound()
    codes = bytes(G722.G722(RATE, 64_000).encode(pcm))
    decoded = G722.G722(RATE, 64_000).decode(codes)
    # Every octet in an order that no encoder would send.
    wild, state = bytearray(), 7
    for _ in range(2_000):
        state = (state * 1_664_525 + 1_013_904_223) & 0xFFFF_FFFF
        wild.append(state >> 24)
    wild_decoded = G722.G722(RATE, 64_000).decode(bytes(wild))
    assert len(codes) == len(pcm) // 2 and len(decoded) == len(pcm)
    (HERE / "g722.pcm").write_bytes(little(pcm))
    (HERE / "g722.bits").write_bytes(codes)
    (HERE / "g722.decoded.pcm").write_bytes(little(decoded))
    (HERE / "g722.wild.bits").write_bytes(bytes(wild))
    (HERE / "g722.wild.pcm").write_bytes(little(wild_decoded))


g711()
g722()
