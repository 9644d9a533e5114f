package io.saleslake.connect;

import java.util.OptionalLong;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Lands the records of one partition: every offset in exactly one object, however often this is interrupted.
 *
 * <p>An object's key is its first offset and it is created only if there is none. So the bucket decides: a chunk whose
 * key is taken either was landed before, by this task or another that was killed, or its tail remains to be landed.
 * Only offsets whose objects are in the bucket are committed; what a chunk holds in memory is delivered again.
 */
final class PartitionLander {
    private final ObjectStore store;
    private final String prefix;
    private final RecordLine lines;
    private Chunk open;
    private Chunk sealed; // ended, perhaps tried in vain: no record is taken until it is landed
    private long next = -1;
    private long delivered = -1; // the last offset of a batch that was taken whole

    /** For a partition whose keys start with this prefix. */
    PartitionLander(ObjectStore store, String prefix, RecordLine lines) {
        this.store = store;
        this.prefix = prefix;
        this.lines = lines;
    }

    /** Adds a record to the open chunk, unless it was taken before and is delivered again. */
    void add(SinkRecord record, long now) {
        long offset = record.kafkaOffset();
        if (offset <= delivered) {
            throw recreated("offset " + offset + " came after " + delivered);
        }
        if (offset < next) {
            return;
        }
        if (open == null) {
            open = new Chunk(now);
        }
        open.add(offset, record.timestamp(), lines.of(record));
        next = offset + 1;
    }

    /** Notes that the batch was taken whole, up to this offset: Connect will not deliver any of it again. */
    void batchTaken(long lastOffset) {
        delivered = Math.max(delivered, lastOffset);
    }

    /** Seals the open chunk and creates its object. After a StoreFault the chunk is kept; call again. */
    void land() {
        if (sealed == null && open != null) {
            open.seal();
            sealed = open;
            open = null;
        }
        while (sealed != null) {
            String key = prefix + String.format("%020d", sealed.first()) + ".jsonl.gz";
            if (store.create(key, sealed.body(), Landed.metadata(sealed))) {
                sealed = null;
            } else {
                goOnAfter(key);
            }
        }
    }

    private void goOnAfter(String key) {
        Landed there = Landed.at(store, key)
                .orElseThrow(() -> new StoreFault("object " + key + " was there and is gone", null));
        if (!there.first.isSameAs(sealed.firstRecord())) {
            throw recreated("object " + key + " starts with a record of " + there.first + ", this one has "
                    + sealed.firstRecord());
        }
        if (there.last >= sealed.last()) {
            next = Math.max(next, there.last + 1);
            sealed = null;
        } else {
            sealed = sealed.after(there.last);
        }
    }

    private ConnectException recreated(String evidence) {
        return new ConnectException("topic was recreated: " + evidence + " under " + prefix
                + "; register the connector again with the topic's new id");
    }

    /** Whether a sealed chunk waits to be landed. */
    boolean isBehind() {
        return sealed != null;
    }

    /** The open chunk; null if there is none. */
    Chunk openChunk() {
        return open;
    }

    /** The offset to commit: the first that is in no object. Empty before the first record. */
    OptionalLong firstNotLanded() {
        if (sealed != null) {
            return OptionalLong.of(sealed.first());
        }
        if (open != null) {
            return OptionalLong.of(open.first());
        }
        return next < 0 ? OptionalLong.empty() : OptionalLong.of(next);
    }

    /** Forgets what is not landed; it will be delivered again to whoever has the partition next. */
    void discard() {
        if (open != null) {
            open.seal(); // frees the compressor's memory
        }
        open = null;
        sealed = null;
    }
}
