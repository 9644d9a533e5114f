package io.saleslake.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class RecordLineTest {
    private final RecordLine lines = new RecordLine();

    private String line(SinkRecord record) {
        RecordLine.Buffer line = lines.of(record);
        return new String(line.array(), 0, line.size(), StandardCharsets.UTF_8);
    }

    private static SinkRecord record(byte[] key, Object value, ConnectHeaders headers) {
        return new SinkRecord("t", 1, null, key, null, value, 7, 99L, TimestampType.CREATE_TIME, headers);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int at = 0; at < values.length; at++) {
            bytes[at] = (byte) values[at];
        }
        return bytes;
    }

    @Test
    void textStaysItself() {
        String expected = "{\"topic\":\"t\",\"partition\":1,\"offset\":7,\"timestamp\":99,\"key\":\"k\\\"é\","
                + "\"headers\":[],\"value\":\"a\\\\b\\n\\r\\t\\u0000\\u001f\u007f\u2028😀/\"}";
        assertEquals(expected, line(record(utf8("k\"é"), utf8("a\\b\n\r\t\0\u001f\u007f\u2028😀/"), null)));
    }

    @Test
    void tombstoneHasANullValue() {
        assertTrue(line(record(null, null, null)).endsWith("\"key\":null,\"headers\":[],\"value\":null}"));
    }

    @Test
    void emptyIsNotNull() {
        assertTrue(line(record(utf8(""), utf8(""), null)).endsWith("\"key\":\"\",\"headers\":[],\"value\":\"\"}"));
    }

    @Test
    void bytesThatAreNotUtf8AreBase64() {
        byte[][] junk = {
            bytes(0xff), bytes(0xc0, 0x80), bytes(0xed, 0xa0, 0x80), bytes(0xf4, 0x90, 0x80, 0x80), bytes('a', 0xe2, 0x82)
        };
        for (byte[] value : junk) {
            String expected = java.util.Base64.getEncoder().encodeToString(value);
            assertTrue(line(record(null, value, null)).endsWith("\"headers\":[],\"value_b64\":\"" + expected + "\"}"));
            assertTrue(line(record(value, null, null)).contains(",\"key_b64\":\"" + expected + "\",\"headers\""));
        }
    }

    @Test
    void headersKeepTheirOrderAndRepeat() {
        ConnectHeaders headers = new ConnectHeaders();
        headers.add("a", utf8("1"), null);
        headers.add("a", null, null);
        headers.add("b\"", bytes(0xff), null);
        String expected = "\"headers\":[[\"a\",\"1\"],[\"a\",null],[\"b\\\"\",{\"b64\":\"/w==\"}]]";
        assertTrue(line(record(null, null, headers)).contains(expected));
    }

    @Test
    void noTimestampIsNull() {
        SinkRecord record = new SinkRecord("t", 0, null, null, null, null, 7);
        assertTrue(line(record).contains("\"timestamp\":null,"));
    }

    @Test
    void otherConverterIsNamedAsTheFault() {
        DataException fault = assertThrows(DataException.class, () -> line(record(null, "text", null)));
        assertTrue(fault.getMessage().contains("ByteArrayConverter"), fault.getMessage());
    }

    @Test
    void configurationIsRefusedWithTheReason() {
        Map<String, String> good = Map.of("topics", "t", "topic.id", "AAAAAAAAAAAAAAAAAAAAAA", "s3.bucket", "b",
                "s3.region", "r");
        new SinkConfig(good);
        Map<String, String> bad = Map.of("topics", "t,u", "topic.id", "short", "s3.bucket", "", "s3.endpoint", "host",
                "s3.prefix", "no-slash", "chunk.rows", "0", "chunk.millis", "x", "s3.access.key.id", "only");
        bad.forEach((name, value) -> {
            Map<String, String> changed = new java.util.HashMap<>(good);
            changed.put(name, value);
            assertThrows(ConfigException.class, () -> new SinkConfig(changed), name);
        });
    }
}
