package io.saleslake.connect;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Gives each record to its partition's lander and says when chunks are closed and which offsets are committed. */
public final class S3SinkTask extends SinkTask {
    private final Function<SinkConfig, ObjectStore> stores;
    private final LongSupplier clock; // [ms], never goes back
    private final Map<TopicPartition, PartitionLander> landers = new HashMap<>();
    private final RecordLine lines = new RecordLine();
    private SinkConfig config;
    private ObjectStore store;

    /** As Connect makes it. */
    public S3SinkTask() {
        this(S3Store::of, () -> System.nanoTime() / 1_000_000);
    }

    S3SinkTask(Function<SinkConfig, ObjectStore> stores, LongSupplier clock) {
        this.stores = stores;
        this.clock = clock;
    }

    @Override
    public void start(Map<String, String> properties) {
        config = new SinkConfig(properties);
        store = stores.apply(config);
    }

    @Override
    public void open(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            String prefix = config.topicPrefix(partition.topic()) + "partition=" + partition.partition() + "/";
            landers.put(partition, new PartitionLander(store, prefix, lines));
        }
    }

    /** Takes a batch, which may be empty; Connect calls it at least as often as {@code context.timeout} says. */
    @Override
    public void put(Collection<SinkRecord> records) {
        try {
            landers.values().stream().filter(PartitionLander::isBehind).forEach(PartitionLander::land);
            for (SinkRecord record : records) {
                PartitionLander lander = landers.get(new TopicPartition(record.topic(), record.kafkaPartition()));
                lander.add(record, clock.getAsLong());
                if (isFull(lander.openChunk())) {
                    lander.land();
                }
            }
            landAged();
            landLargestWhileTooMuchIsHeld();
        } catch (StoreFault fault) {
            context.timeout(config.getLong(SinkConfig.RETRY_MILLIS));
            throw new RetriableException(fault.getMessage(), fault);
        }
        for (SinkRecord record : records) {
            TopicPartition partition = new TopicPartition(record.topic(), record.kafkaPartition());
            landers.get(partition).batchTaken(record.kafkaOffset());
        }
        askForNextCall();
    }

    private boolean isFull(Chunk chunk) {
        return chunk != null
                && (chunk.rows() >= config.getInt(SinkConfig.CHUNK_ROWS)
                        || chunk.lineBytes() >= config.getInt(SinkConfig.CHUNK_BYTES));
    }

    private void landAged() {
        long before = clock.getAsLong() - config.getLong(SinkConfig.CHUNK_MILLIS);
        for (PartitionLander lander : landers.values()) {
            if (lander.openChunk() != null && lander.openChunk().openedAt() <= before) {
                lander.land();
            }
        }
    }

    private void landLargestWhileTooMuchIsHeld() {
        while (held() > config.getLong(SinkConfig.BUFFER_BYTES)) {
            landers.values().stream().filter(lander -> lander.openChunk() != null)
                    .max(Comparator.comparingInt(lander -> lander.openChunk().heldBytes()))
                    .ifPresent(PartitionLander::land);
        }
    }

    private long held() {
        return landers.values().stream().map(PartitionLander::openChunk)
                .mapToLong(chunk -> chunk == null ? 0 : chunk.heldBytes()).sum();
    }

    /** Without this, Connect would wait for records up to a second longer than a chunk may be old. */
    private void askForNextCall() {
        long now = clock.getAsLong();
        landers.values().stream().map(PartitionLander::openChunk).filter(chunk -> chunk != null)
                .mapToLong(chunk -> chunk.openedAt() + config.getLong(SinkConfig.CHUNK_MILLIS) - now).min()
                .ifPresent(millis -> context.timeout(Math.max(1, millis)));
    }

    /**
     * Commits where objects end and nowhere else: a chunk that started within an object would repeat its tail. So a
     * partition that has not been read up to the end of an object that was found is left out until it has.
     */
    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> current) {
        Map<TopicPartition, OffsetAndMetadata> landed = new HashMap<>();
        current.forEach((partition, reached) -> {
            PartitionLander lander = landers.get(partition);
            OptionalLong offset = lander == null ? OptionalLong.empty() : lander.firstNotLanded();
            if (offset.isPresent() && offset.getAsLong() <= reached.offset()) {
                landed.put(partition, new OffsetAndMetadata(offset.getAsLong()));
            }
        });
        return landed;
    }

    @Override
    public void close(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            PartitionLander lander = landers.remove(partition);
            if (lander != null) {
                lander.discard();
            }
        }
    }

    @Override
    public void stop() {
        landers.values().forEach(PartitionLander::discard);
        landers.clear();
        if (store != null) {
            store.close();
        }
    }

    @Override
    public String version() {
        return SinkConfig.VERSION;
    }
}
