package io.saleslake.connect;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Writes a record as one line of JSON that loses no byte of it.
 *
 * <p>Bytes that are UTF-8 are the text itself, escaped as JSON asks; others are base64 under a name with _b64. The order
 * of the fields is fixed, and the same record always gives the same line: its checksum identifies it.
 */
final class RecordLine {
    private static final byte[][] ESCAPES = escapes();

    private final CharsetDecoder strict = StandardCharsets.UTF_8.newDecoder();
    private final Buffer line = new Buffer();

    /** The line of a record without its end; the bytes are valid until the next call. */
    Buffer of(SinkRecord record) {
        line.reset();
        raw("{\"topic\":");
        text(record.topic().getBytes(StandardCharsets.UTF_8));
        raw(",\"partition\":" + record.kafkaPartition() + ",\"offset\":" + record.kafkaOffset());
        raw(",\"timestamp\":" + record.timestamp() + ",");
        field("key", bytes(record, "key", record.key()));
        raw(",\"headers\":[");
        String comma = "";
        for (Header header : record.headers()) {
            raw(comma + "[");
            text(header.key().getBytes(StandardCharsets.UTF_8));
            raw(",");
            header(bytes(record, "header", header.value()));
            raw("]");
            comma = ",";
        }
        raw("],");
        field("value", bytes(record, "value", record.value()));
        raw("}");
        return line;
    }

    private static byte[] bytes(SinkRecord record, String part, Object value) {
        if (value == null || value instanceof byte[]) {
            return (byte[]) value;
        }
        throw new DataException("the " + part + " of " + record.topic() + "-" + record.kafkaPartition() + " at offset "
                + record.kafkaOffset() + " came as " + value.getClass().getName() + "; expected bytes; set the "
                + part + " converter to org.apache.kafka.connect.converters.ByteArrayConverter");
    }

    private void field(String name, byte[] value) {
        if (value == null) {
            raw("\"" + name + "\":null");
        } else if (isUtf8(value)) {
            raw("\"" + name + "\":");
            text(value);
        } else {
            raw("\"" + name + "_b64\":");
            base64(value);
        }
    }

    private void header(byte[] value) {
        if (value == null) {
            raw("null");
        } else if (isUtf8(value)) {
            text(value);
        } else {
            raw("{\"b64\":");
            base64(value);
            raw("}");
        }
    }

    private boolean isUtf8(byte[] value) {
        for (byte one : value) {
            if (one < 0) {
                return decodes(value);
            }
        }
        return true;
    }

    private boolean decodes(byte[] value) {
        try {
            CharBuffer text = strict.decode(ByteBuffer.wrap(value));
            return text != null;
        } catch (CharacterCodingException notUtf8) {
            return false;
        }
    }

    private void raw(String ascii) {
        line.append(ascii.getBytes(StandardCharsets.US_ASCII));
    }

    private void base64(byte[] value) {
        line.write('"');
        line.append(Base64.getEncoder().encode(value));
        line.write('"');
    }

    private void text(byte[] utf8) {
        line.write('"');
        int copied = 0;
        for (int at = 0; at < utf8.length; at++) {
            byte one = utf8[at];
            if (one >= 0 && ESCAPES[one] != null) {
                line.write(utf8, copied, at - copied);
                line.append(ESCAPES[one]);
                copied = at + 1;
            }
        }
        line.write(utf8, copied, utf8.length - copied);
        line.write('"');
    }

    /** What stands for each byte that JSON does not take as it is; null for all others. */
    private static byte[][] escapes() {
        byte[][] found = new byte[128][];
        for (int one = 0; one < 0x20; one++) {
            found[one] = String.format("\\u%04x", one).getBytes(StandardCharsets.US_ASCII);
        }
        found['\n'] = new byte[] {'\\', 'n'};
        found['\r'] = new byte[] {'\\', 'r'};
        found['\t'] = new byte[] {'\\', 't'};
        found['"'] = new byte[] {'\\', '"'};
        found['\\'] = new byte[] {'\\', '\\'};
        return found;
    }

    /** A growing array whose bytes can be read without copying them. */
    static final class Buffer extends ByteArrayOutputStream {
        private static final int KEPT = 1 << 20;

        Buffer() {
            super(4096);
        }

        byte[] array() {
            return buf;
        }

        void append(byte[] bytes) {
            write(bytes, 0, bytes.length);
        }

        @Override
        public synchronized void reset() {
            super.reset();
            if (buf.length > KEPT) {
                buf = new byte[4096]; // one large record must not cost its size for ever
            }
        }
    }
}
