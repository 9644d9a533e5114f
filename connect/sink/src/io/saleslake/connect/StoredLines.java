package io.saleslake.connect;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/** Goes through the compressed lines of a chunk and tells each one's offset and timestamp. */
final class StoredLines implements AutoCloseable {
    private static final int START = 400; // a topic's name has at most 249 characters
    private static final Pattern PLACE = Pattern.compile(
            "\\{\"topic\":\"[^\"]*\",\"partition\":\\d+,\"offset\":(\\d+),\"timestamp\":(null|-?\\d+),");

    private final InputStream bytes;
    private final RecordLine.Buffer line = new RecordLine.Buffer();
    private long offset;
    private Long timestamp;

    StoredLines(InputStream compressed) throws IOException {
        bytes = new BufferedInputStream(new GZIPInputStream(compressed), 1 << 16);
    }

    /** Goes to the next line; false at the end and before a line that has no end or is not one of ours. */
    boolean next() throws IOException {
        line.reset();
        int one = bytes.read();
        while (one >= 0 && one != '\n') {
            line.write(one);
            one = bytes.read();
        }
        String start = new String(line.array(), 0, Math.min(line.size(), START), StandardCharsets.ISO_8859_1);
        Matcher place = PLACE.matcher(start);
        if (one < 0 || !place.lookingAt()) {
            return false;
        }
        offset = Long.parseLong(place.group(1));
        timestamp = place.group(2).equals("null") ? null : Long.valueOf(place.group(2));
        return true;
    }

    long offset() {
        return offset;
    }

    Long timestamp() {
        return timestamp;
    }

    RecordLine.Buffer line() {
        return line;
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }
}
