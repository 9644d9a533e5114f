package io.saleslake.connect;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.zip.GZIPOutputStream;

/** Records of one partition, in order, as compressed lines: first open for more, then sealed. */
final class Chunk {
    private final RecordLine.Buffer compressed = new RecordLine.Buffer();
    private final Gzip lines;
    private final long openedAt;
    private FirstRecord firstRecord;
    private long first = -1;
    private long last = -1;
    private int rows;
    private long lineBytes;

    /** An empty chunk, opened at this time [ms]. */
    Chunk(long openedAt) {
        this.openedAt = openedAt;
        try {
            lines = new Gzip(compressed);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    void add(long offset, Long timestamp, RecordLine.Buffer line) {
        if (rows == 0) {
            first = offset;
            firstRecord = FirstRecord.of(timestamp, line.array(), line.size());
        }
        try {
            lines.write(line.array(), 0, line.size());
            lines.write('\n');
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        last = offset;
        rows++;
        lineBytes += line.size() + 1;
    }

    /** Ends the compressed stream and frees the compressor; the chunk takes no more. */
    void seal() {
        try {
            lines.close();
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    /** A sealed chunk of the records after an offset, of which this sealed chunk has at least one. */
    Chunk after(long offset) {
        Chunk rest = new Chunk(openedAt);
        try (StoredLines stored = new StoredLines(new ByteArrayInputStream(compressed.array(), 0, compressed.size()))) {
            while (stored.next()) {
                if (stored.offset() > offset) {
                    rest.add(stored.offset(), stored.timestamp(), stored.line());
                }
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        rest.seal();
        return rest;
    }

    ObjectStore.Body body() {
        return new ObjectStore.Body(compressed.array(), compressed.size());
    }

    FirstRecord firstRecord() {
        return firstRecord;
    }

    long first() {
        return first;
    }

    long last() {
        return last;
    }

    int rows() {
        return rows;
    }

    /** Bytes before compression. */
    long lineBytes() {
        return lineBytes;
    }

    /** Bytes in memory. */
    int heldBytes() {
        return compressed.size();
    }

    long openedAt() {
        return openedAt;
    }

    private static final class Gzip extends GZIPOutputStream {
        private static final int LEVEL = 3; // about twice the speed of the default 6 for objects 18 % larger

        Gzip(OutputStream target) throws IOException {
            super(target, 8192);
            def.setLevel(LEVEL);
        }
    }
}
