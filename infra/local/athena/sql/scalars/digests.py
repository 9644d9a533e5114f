"""Digests of bytes.

Source: https://trino.io/docs/current/functions/binary.html#hashing-functions; the algorithms:
https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md (XXH64) and
https://github.com/aappleby/smhasher/wiki/MurmurHash3 (x64, 128 bits)
"""

import hashlib
import hmac
import zlib
from struct import pack, unpack_from

from infra.local.athena.sql.scalars import scalar

_MASK = 2**64 - 1
_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
)  # fmt: skip
_C1, _C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F


@scalar("py_sha512(BLOB) -> BLOB")
def sha512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


@scalar("py_crc32(BLOB) -> BIGINT")
def crc32(data: bytes) -> int:
    return zlib.crc32(data)


@scalar("py_hmac(BLOB, BLOB, VARCHAR) -> BLOB")
def keyed(data: bytes, key: bytes, algorithm: str) -> bytes:
    return hmac.digest(key, data, algorithm)


def _turned(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(lane: int, word: int) -> int:
    return _turned((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


@scalar("py_xxhash64(BLOB) -> BLOB")
def xxhash64(data: bytes) -> bytes:
    """XXH64 with seed 0, big end first."""
    size, offset = len(data), 0
    if size >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while offset + 32 <= size:
            lanes = [_round(lane, word) for lane, word in zip(lanes, unpack_from("<4Q", data, offset), strict=True)]
            offset += 32
        state = sum(_turned(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            state = ((state ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        state = _P5
    state = _xxhash_rest(data, offset, (state + size) & _MASK)
    for shift, prime in ((33, _P2), (29, _P3)):
        state = (state ^ (state >> shift)) * prime & _MASK
    return pack(">Q", state ^ (state >> 32))


def _xxhash_rest(data: bytes, offset: int, state: int) -> int:
    while offset + 8 <= len(data):
        state = (_turned(state ^ _round(0, unpack_from("<Q", data, offset)[0]), 27) * _P1 + _P4) & _MASK
        offset += 8
    if offset + 4 <= len(data):
        state = (_turned(state ^ (unpack_from("<I", data, offset)[0] * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        offset += 4
    for byte in data[offset:]:
        state = _turned(state ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    return state


def _mixed(word: int, multipliers: tuple[int, int], bits: int) -> int:
    return _turned(word * multipliers[0] & _MASK, bits) * multipliers[1] & _MASK


def _finished(state: int) -> int:
    state = (state ^ (state >> 33)) * 0xFF51AFD7ED558CCD & _MASK
    state = (state ^ (state >> 33)) * 0xC4CEB9FE1A85EC53 & _MASK
    return state ^ (state >> 33)


@scalar("py_murmur3(BLOB) -> BLOB")
def murmur3(data: bytes) -> bytes:
    """MurmurHash3 for 64-bit machines, 128 bits, with seed 0."""
    first = second = 0
    whole = len(data) // 16 * 16
    for offset in range(0, whole, 16):
        low, high = unpack_from("<2Q", data, offset)
        first ^= _mixed(low, (_C1, _C2), 31)
        first = ((_turned(first, 27) + second) * 5 + 0x52DCE729) & _MASK
        second ^= _mixed(high, (_C2, _C1), 33)
        second = ((_turned(second, 31) + first) * 5 + 0x38495AB5) & _MASK
    low, high = unpack_from("<2Q", data[whole:].ljust(16, b"\0"))
    second ^= _mixed(high, (_C2, _C1), 33) ^ len(data)
    first ^= _mixed(low, (_C1, _C2), 31) ^ len(data)
    first = (first + second) & _MASK
    second = (second + first) & _MASK
    first, second = _finished(first), _finished(second)
    first = (first + second) & _MASK
    return pack("<2Q", first, (second + first) & _MASK)
