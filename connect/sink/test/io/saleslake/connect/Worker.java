package io.saleslake.connect;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** Does to a task what Connect does: batches, redelivery of a failed batch, commits, and kills. */
final class Worker {
    static final String TOPIC = "t";
    static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);
    static final String PREFIX = "bronze/t/AAAAAAAAAAAAAAAAAAAAAA/partition=0/";

    final FakeStore store;
    final List<SinkRecord> log;
    final Map<String, String> properties = new HashMap<>(Map.of(
            "topics", TOPIC, "topic.id", "AAAAAAAAAAAAAAAAAAAAAA", "s3.bucket", "b", "s3.region", "r",
            "s3.prefix", "bronze/", "chunk.rows", "5", "chunk.millis", "1000"));
    long now = 1_000_000;
    long committed;
    long position;
    long timeout = -1;
    private S3SinkTask task;
    private List<SinkRecord> failed = List.of();

    Worker(FakeStore store, List<SinkRecord> log) {
        this.store = store;
        this.log = log;
    }

    /** Starts a task as after a kill: from the committed offset, with nothing in memory. */
    void restart() {
        task = new S3SinkTask(config -> store, () -> now);
        task.initialize((SinkTaskContext) Proxy.newProxyInstance(
                Worker.class.getClassLoader(), new Class<?>[] {SinkTaskContext.class}, (self, method, given) -> {
                    if (method.getName().equals("timeout")) {
                        timeout = (Long) given[0];
                        return null;
                    }
                    throw new UnsupportedOperationException(method.getName());
                }));
        task.start(properties);
        task.open(Set.of(PARTITION));
        position = committed;
        failed = List.of();
    }

    /** One round: up to {@code count} records, or the batch that failed again. Returns whether it was taken. */
    boolean poll(int count) {
        List<SinkRecord> batch = failed;
        if (batch.isEmpty()) {
            batch = new ArrayList<>();
            for (SinkRecord record : log) {
                if (record.kafkaOffset() >= position && batch.size() < count) {
                    batch.add(record);
                }
            }
        }
        timeout = -1;
        try {
            task.put(batch);
        } catch (RetriableException again) {
            failed = batch;
            return false;
        }
        failed = List.of();
        if (!batch.isEmpty()) {
            position = batch.get(batch.size() - 1).kafkaOffset() + 1;
        }
        return true;
    }

    void commit() {
        Map<TopicPartition, OffsetAndMetadata> given =
                task.preCommit(Map.of(PARTITION, new OffsetAndMetadata(position)));
        if (given.containsKey(PARTITION)) {
            committed = given.get(PARTITION).offset();
        }
    }

    /** Polls and commits until everything is landed. */
    void finish() {
        now += 10_000;
        for (int round = 0; round < 1000; round++) {
            poll(7);
            commit();
            now += 10_000;
            if (committed == end()) {
                return;
            }
        }
        throw new AssertionError("still at " + committed + " of " + end());
    }

    private long end() {
        return log.isEmpty() ? 0 : log.get(log.size() - 1).kafkaOffset() + 1;
    }

    /** All lines in the bucket in the order of their keys. */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        for (byte[] object : store.objects.values()) {
            try (GZIPInputStream stored = new GZIPInputStream(new ByteArrayInputStream(object))) {
                lines.addAll(new String(stored.readAllBytes(), StandardCharsets.UTF_8).lines()
                        .collect(java.util.stream.Collectors.toList()));
            } catch (IOException impossible) {
                throw new AssertionError(impossible);
            }
        }
        return lines;
    }

    /** The offsets in the bucket, in the order of their keys. */
    List<Long> offsets() {
        List<Long> offsets = new ArrayList<>();
        for (String line : lines()) {
            offsets.add(Long.valueOf(line.replaceAll(".*?\"offset\":(\\d+).*", "$1")));
        }
        return offsets;
    }

    static SinkRecord record(long offset, String value) {
        return record(offset, value == null ? null : value.getBytes(StandardCharsets.UTF_8));
    }

    static SinkRecord record(long offset, byte[] value) {
        byte[] key = ("k" + offset).getBytes(StandardCharsets.UTF_8);
        return new SinkRecord(TOPIC, 0, Schema.OPTIONAL_BYTES_SCHEMA, key, Schema.OPTIONAL_BYTES_SCHEMA, value,
                offset, 1000 + offset, TimestampType.CREATE_TIME);
    }

    static List<SinkRecord> records(int count) {
        List<SinkRecord> log = new ArrayList<>();
        for (int offset = 0; offset < count; offset++) {
            log.add(record(offset, "v" + offset));
        }
        return log;
    }

    static List<Long> counting(int count) {
        List<Long> offsets = new ArrayList<>();
        for (long offset = 0; offset < count; offset++) {
            offsets.add(offset);
        }
        return offsets;
    }
}
