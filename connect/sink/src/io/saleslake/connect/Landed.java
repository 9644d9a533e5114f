package io.saleslake.connect;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipException;
import org.apache.kafka.connect.errors.ConnectException;

/** What an object says of itself: its first record and its last offset, in metadata or, without that, in its lines. */
final class Landed {
    final FirstRecord first;
    final long last;

    private Landed(FirstRecord first, long last) {
        this.first = first;
        this.last = last;
    }

    /** What is landed under a key; empty if nothing is. */
    static Optional<Landed> at(ObjectStore store, String key) {
        return store.metadata(key).map(metadata -> {
            Landed told = of(metadata);
            return told == null ? read(store, key) : told;
        });
    }

    /** The metadata that an object of these contents is given. */
    static Map<String, String> metadata(Chunk chunk) {
        return Map.of(
                "first", Long.toString(chunk.first()),
                "last", Long.toString(chunk.last()),
                "rows", Integer.toString(chunk.rows()),
                "timestamp", Long.toString(chunk.firstRecord().timestamp),
                "crc", String.format("%08x", chunk.firstRecord().crc));
    }

    private static Landed of(Map<String, String> metadata) {
        try {
            long timestamp = Long.parseLong(metadata.getOrDefault("timestamp", ""));
            long crc = Long.parseLong(metadata.getOrDefault("crc", ""), 16);
            return new Landed(new FirstRecord(timestamp, crc), Long.parseLong(metadata.getOrDefault("last", "")));
        } catch (NumberFormatException absent) {
            return null;
        }
    }

    /** Reads an object up to its end or to where it is damaged: a reader of bronze uses the same lines. */
    private static Landed read(ObjectStore store, String key) {
        FirstRecord first = null;
        long last = -1;
        try (InputStream stored = store.open(key); StoredLines lines = new StoredLines(stored)) {
            while (lines.next()) {
                last = lines.offset();
                if (first == null) {
                    first = FirstRecord.of(lines.timestamp(), lines.line().array(), lines.line().size());
                }
            }
        } catch (EOFException | ZipException damaged) {
            assert last >= -1 : damaged; // what was read before the damage counts
        } catch (IOException fault) {
            throw new StoreFault("reading " + key + " failed: " + fault.getMessage(), fault);
        }
        if (first == null) {
            throw new ConnectException("object " + key + " holds no line of this sink's; expected one of its objects;"
                    + " move it away, then restart the task");
        }
        return new Landed(first, last);
    }
}
