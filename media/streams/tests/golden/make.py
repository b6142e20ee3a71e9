#!/usr/bin/env python3
"""Makes the reference files of tests/reference.rs with implementations that are not ours.

G.711: audioop of the Python standard library (until 3.12), after Sun's g711.c. G.722: PyPI `G722` 1.2.8, libg722 of
Sippy Software; FFmpeg, which has a codec of its own, must say the same to the bit. Opus: packets of libopus, and what
FFmpeg's own decoder makes of them. Run in a virtual environment with `pip install G722==1.2.8 av==18.1.0 numpy`; the
files are committed, tests need none of them.
"""

import array
import audioop
import math
import pathlib
import struct

import av
import G722
import numpy

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


def ffmpeg_encodes(name, rate, pcm, options, bits_per_second):
    """Packets of 20 ms, of G.722 as one."""
    codec = av.CodecContext.create(name, "w")
    codec.sample_rate, codec.layout, codec.format, codec.options = rate, "mono", "s16", options
    codec.bit_rate = bits_per_second or codec.bit_rate
    packets = []
    for at in range(0, len(pcm), rate // 50):
        sound = numpy.array(pcm[at : at + rate // 50], dtype="<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, at
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return b"".join(packets) if name == "g722" else packets


def ffmpeg_decodes(name, rate, packets):
    codec = av.CodecContext.create(name, "r")
    codec.sample_rate, codec.layout = rate, "mono"
    frames = [frame.to_ndarray() for packet in packets for frame in codec.decode(av.Packet(packet))]
    sound = numpy.concatenate([frame[0] for frame in frames])
    if sound.dtype != numpy.int16:
        sound = numpy.clip(numpy.round(sound * 32_768), -32_768, 32_767)
    return sound.astype("<i2").tobytes()


def voice(rate, seconds):
    """A gliding voice with formants, in syllables."""
    time = numpy.arange(int(rate * seconds)) / rate
    phase = 2 * math.pi * numpy.cumsum(110 + 30 * numpy.sin(8 * time)) / rate
    tones = sum(
        numpy.sin(k * phase) * (math.exp(-((k - 6) / 4) ** 2) + math.exp(-((k - 20) / 6) ** 2) / 2)
        for k in range(1, 30)
    )
    syllables = numpy.clip(1.5 * numpy.sin(2 * math.pi * 3 * time) + 0.6, 0, 1)
    return numpy.round(2_500 * tones * syllables).astype(int).tolist()


def opus():
    """Each way of Opus (RFC 6716 2.1): its packets behind their lengths, and its sound at 48 kHz, one after the other."""
    bits, sound = b"", b""
    for rate, bits_per_second, application, modes in (
        (8_000, 12_000, "voip", range(0, 4)),
        (16_000, 20_000, "voip", range(8, 12)),
        (48_000, 36_000, "voip", range(12, 16)),
        (48_000, 96_000, "lowdelay", range(28, 32)),
    ):
        pcm = voice(rate, 0.3)
        packets = ffmpeg_encodes("libopus", rate, pcm, {"application": application}, bits_per_second)
        assert len(packets) == 15 and sum(packet[0] >> 3 in modes for packet in packets) > 10
        decoded = ffmpeg_decodes("opus", 48_000, packets)
        # The end of its resampler's delay is not there.
        decoded = decoded.ljust(15 * 960 * 2, b"\0")
        assert len(decoded) == 15 * 960 * 2
        bits += b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)
        sound += decoded
    (HERE / "opus.packets").write_bytes(bits)
    (HERE / "opus.decoded.pcm").write_bytes(sound)


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
    assert codes == ffmpeg_encodes("g722", RATE, pcm, {}, 0)
    assert little(decoded) == ffmpeg_decodes("g722", RATE, [codes])
    assert little(wild_decoded) == ffmpeg_decodes("g722", RATE, [bytes(wild)])
    (HERE / "g722.pcm").write_bytes(little(pcm))
    (HERE / "g722.bits").write_bytes(codes)
    (HERE / "g722.decoded.pcm").write_bytes(little(decoded))
    (HERE / "g722.wild.bits").write_bytes(bytes(wild))
    (HERE / "g722.wild.pcm").write_bytes(little(wild_decoded))


g711()
g722()
opus()
