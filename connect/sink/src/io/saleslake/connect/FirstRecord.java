package io.saleslake.connect;

import java.util.zip.CRC32;

/** What identifies the record that an object starts with: its timestamp and the checksum of its line. */
final class FirstRecord {
    final long timestamp;
    final long crc;

    FirstRecord(long timestamp, long crc) {
        this.timestamp = timestamp;
        this.crc = crc;
    }

    /** Of the first {@code length} bytes of a line without its end. */
    static FirstRecord of(Long timestamp, byte[] line, int length) {
        CRC32 crc = new CRC32();
        crc.update(line, 0, length);
        return new FirstRecord(timestamp == null ? -1 : timestamp, crc.getValue());
    }

    boolean isSameAs(FirstRecord other) {
        return timestamp == other.timestamp && crc == other.crc;
    }

    @Override
    public String toString() {
        return "timestamp " + timestamp + ", crc " + String.format("%08x", crc);
    }
}
