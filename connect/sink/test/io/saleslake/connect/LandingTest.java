package io.saleslake.connect;

import static io.saleslake.connect.Worker.PREFIX;
import static io.saleslake.connect.Worker.counting;
import static io.saleslake.connect.Worker.record;
import static io.saleslake.connect.Worker.records;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class LandingTest {
    private final FakeStore store = new FakeStore();

    private Worker worker(List<SinkRecord> log) {
        Worker worker = new Worker(store, log);
        worker.restart();
        return worker;
    }

    @Test
    void chunkIsClosedByRows() {
        Worker worker = worker(records(12));
        worker.poll(12);
        assertEquals(List.of(PREFIX + "00000000000000000000.jsonl.gz", PREFIX + "00000000000000000005.jsonl.gz"),
                new ArrayList<>(store.objects.keySet()));
        worker.commit();
        assertEquals(10, worker.committed);
    }

    @Test
    void metadataSaysWhatIsInside() {
        Worker worker = worker(records(5));
        worker.poll(5);
        Map<String, String> said = store.metadata.get(PREFIX + "00000000000000000000.jsonl.gz");
        java.util.zip.CRC32 crc = new java.util.zip.CRC32();
        crc.update(worker.lines().get(0).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        assertEquals(Map.of("first", "0", "last", "4", "rows", "5", "timestamp", "1000",
                "crc", String.format("%08x", crc.getValue())), said);
    }

    @Test
    void chunkIsClosedByBytes() {
        Worker worker = new Worker(store, List.of(record(0, "x".repeat(2000)), record(1, "y")));
        worker.properties.put("chunk.bytes", "1024");
        worker.restart();
        worker.poll(2);
        assertEquals(List.of(0L), worker.offsets());
    }

    @Test
    void chunkIsClosedByAgeWithoutNewRecords() {
        Worker worker = worker(records(2));
        worker.poll(2);
        assertTrue(store.objects.isEmpty());
        assertEquals(1000, worker.timeout, "asks to be called when the chunk is old enough");
        worker.now += 999;
        worker.poll(0);
        assertTrue(store.objects.isEmpty());
        worker.now += 1;
        worker.poll(0);
        assertEquals(List.of(0L, 1L), worker.offsets());
    }

    @Test
    void onlyWhatIsInTheBucketIsCommitted() {
        Worker worker = worker(records(7));
        worker.commit();
        assertEquals(0, worker.committed);
        worker.poll(3);
        worker.commit();
        assertEquals(0, worker.committed);
        worker.poll(4);
        worker.commit();
        assertEquals(5, worker.committed);
    }

    @Test
    void redeliveryAfterAKillIsNotLandedTwice() {
        Worker worker = worker(records(12));
        worker.poll(12);
        worker.restart(); // nothing was committed
        worker.finish();
        assertEquals(counting(12), worker.offsets());
    }

    @Test
    void longerChunkThanTheOneInTheBucketLandsItsTail() {
        Worker worker = worker(records(12));
        worker.poll(3);
        worker.now += 1000;
        worker.poll(0); // lands 0 to 2
        worker.restart();
        worker.poll(12); // cuts at 4
        worker.finish();
        assertEquals(counting(12), worker.offsets());
        assertTrue(store.objects.containsKey(PREFIX + "00000000000000000003.jsonl.gz"));
    }

    @Test
    void shorterChunkThanTheOneInTheBucketIsSkipped() {
        Worker worker = worker(records(12));
        worker.poll(5);
        worker.restart();
        worker.poll(2);
        worker.now += 1000;
        worker.poll(0); // 0 and 1 are found landed, with 2, 3 and 4
        worker.commit();
        worker.finish();
        assertEquals(counting(12), worker.offsets());
    }

    @Test
    void offsetWithinAnObjectIsNeverCommitted() {
        Worker worker = worker(records(12));
        worker.poll(5); // lands 0 to 4, nothing is committed
        worker.restart();
        worker.poll(2);
        worker.now += 1000;
        worker.poll(0); // finds 0 to 4
        worker.commit();
        assertEquals(0, worker.committed);
        worker.poll(2);
        worker.commit();
        assertEquals(0, worker.committed);
        worker.poll(1);
        worker.commit();
        assertEquals(5, worker.committed);
    }

    @Test
    void otherRecordUnderTheKeyMeansTheTopicWasRecreated() {
        Worker worker = worker(records(5));
        worker.poll(5);
        List<SinkRecord> other = new ArrayList<>(List.of(record(0, "other")));
        other.addAll(records(5).subList(1, 5));
        Worker again = worker(other);
        ConnectException fault = assertThrows(ConnectException.class, () -> again.poll(5));
        assertTrue(fault.getMessage().startsWith("topic was recreated: "), fault.getMessage());
        assertEquals(1, store.objects.size());
    }

    @Test
    void offsetsThatGoBackMeanTheTopicWasRecreated() {
        Worker worker = worker(records(5));
        worker.poll(3);
        worker.position = 1;
        ConnectException fault = assertThrows(ConnectException.class, () -> worker.poll(3));
        assertTrue(fault.getMessage().startsWith("topic was recreated: "), fault.getMessage());
    }

    @Test
    void objectWithoutMetadataIsReadInstead() {
        Worker worker = worker(records(12));
        worker.poll(5);
        store.metadata.values().forEach(Map::clear);
        worker.restart();
        worker.poll(2);
        worker.now += 1000;
        worker.poll(0);
        worker.finish();
        assertEquals(counting(12), worker.offsets());
    }

    @Test
    void damagedObjectWithoutMetadataCountsAsFarAsItCanBeRead() {
        List<SinkRecord> log = new ArrayList<>();
        Random random = new Random(7);
        for (int offset = 0; offset < 400; offset++) {
            byte[] value = new byte[300];
            random.nextBytes(value);
            log.add(record(offset, value));
        }
        Worker worker = new Worker(store, log);
        worker.properties.put("chunk.rows", "400");
        worker.restart();
        worker.poll(400);
        String key = PREFIX + "00000000000000000000.jsonl.gz";
        store.metadata.get(key).clear();
        store.objects.put(key, Arrays.copyOf(store.objects.get(key), store.objects.get(key).length / 2));
        worker.restart();
        worker.poll(400);
        assertEquals(2, store.objects.size(), "the records after the damage are landed again");
        worker.commit();
        assertEquals(400, worker.committed);
    }

    @Test
    void objectThatIsNotOursStopsTheTaskWithItsName() {
        store.objects.put(PREFIX + "00000000000000000000.jsonl.gz", new byte[0]);
        store.metadata.put(PREFIX + "00000000000000000000.jsonl.gz", Map.of());
        Worker worker = worker(records(5));
        ConnectException fault = assertThrows(ConnectException.class, () -> worker.poll(5));
        assertTrue(fault.getMessage().contains("00000000000000000000.jsonl.gz"), fault.getMessage());
    }

    @Test
    void bucketThatIsDownStopsNothingAndCommitsNothing() {
        Worker worker = worker(records(23));
        store.down = true;
        for (int round = 0; round < 5; round++) {
            assertFalse(worker.poll(23));
            assertEquals(1000, worker.timeout, "waits before it tries again");
            worker.commit();
            assertEquals(0, worker.committed);
        }
        store.down = false;
        worker.finish();
        assertEquals(counting(23), worker.offsets());
    }

    @Test
    void bucketThatIsDownWhileNoRecordsComeStopsNothing() {
        Worker worker = worker(records(2));
        worker.poll(2);
        store.down = true;
        worker.now += 1000;
        assertFalse(worker.poll(0));
        store.down = false;
        worker.finish();
        assertEquals(counting(2), worker.offsets());
    }

    /** Fails each call to the bucket in turn, before and after it took effect, with and without a kill after it. */
    @Test
    void failureAtAnyStepLosesAndRepeatsNothing() {
        for (int at = 1; at <= 12; at++) {
            for (boolean effect : new boolean[] {false, true}) {
                for (boolean kill : new boolean[] {false, true}) {
                    FakeStore bucket = new FakeStore();
                    bucket.failBefore = effect ? -1 : at;
                    bucket.failAfter = effect ? at : -1;
                    Worker worker = new Worker(bucket, records(23));
                    worker.restart();
                    for (int round = 0; round < 8; round++) {
                        worker.poll(4);
                        worker.commit();
                        worker.now += round % 3 == 0 ? 1000 : 1;
                        if (kill && bucket.calls >= at && bucket.calls < at + 2) {
                            worker.restart();
                        }
                    }
                    worker.finish();
                    String step = "call " + at + (effect ? ", lost answer" : ", no effect") + (kill ? ", kill" : "");
                    assertEquals(counting(23), worker.offsets(), step);
                }
            }
        }
    }

    /** A long random history: batches of all sizes, ages, kills, lost commits, faults before and after the effect. */
    @Test
    void randomHistoriesLoseAndRepeatNothing() {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            FakeStore bucket = new FakeStore();
            Worker worker = new Worker(bucket, records(120));
            worker.properties.put("chunk.rows", Integer.toString(1 + random.nextInt(20)));
            worker.restart();
            for (int round = 0; round < 60; round++) {
                bucket.failBefore = random.nextInt(4) == 0 ? bucket.calls + 1 + random.nextInt(3) : -1;
                bucket.failAfter = random.nextInt(4) == 0 ? bucket.calls + 1 + random.nextInt(3) : -1;
                worker.poll(random.nextInt(15));
                worker.now += random.nextInt(700);
                if (random.nextInt(3) == 0) {
                    worker.commit();
                }
                if (random.nextInt(8) == 0) {
                    worker.properties.put("chunk.rows", Integer.toString(1 + random.nextInt(20)));
                    worker.restart();
                }
            }
            bucket.failBefore = -1;
            bucket.failAfter = -1;
            worker.finish();
            assertEquals(counting(120), worker.offsets(), "seed " + seed);
        }
    }

    /** Two tasks on one partition, as when a worker that lost its place goes on for a while. */
    @Test
    void zombieTaskRepeatsNothing() {
        for (int seed = 0; seed < 100; seed++) {
            Random random = new Random(seed);
            FakeStore bucket = new FakeStore();
            List<SinkRecord> log = records(80);
            Worker one = new Worker(bucket, log);
            Worker two = new Worker(bucket, log);
            one.restart();
            two.restart();
            for (int round = 0; round < 40; round++) {
                Worker turn = random.nextBoolean() ? one : two;
                turn.poll(random.nextInt(9));
                turn.now += random.nextInt(900);
            }
            one.finish();
            two.finish();
            assertEquals(counting(80), one.offsets(), "seed " + seed);
        }
    }

    @Test
    void offsetsThatTheBrokerSkipsAreNoFault() {
        List<SinkRecord> log = new ArrayList<>(records(20));
        log.removeIf(record -> record.kafkaOffset() % 3 == 1);
        Worker worker = worker(log);
        worker.poll(20);
        worker.restart();
        worker.finish();
        assertEquals(log.size(), worker.offsets().size());
    }

    @Test
    void memoryHeldIsBounded() {
        List<SinkRecord> log = new ArrayList<>();
        Random random = new Random(1);
        for (int offset = 0; offset < 40; offset++) {
            byte[] value = new byte[100_000];
            random.nextBytes(value);
            log.add(record(offset, value));
        }
        Worker worker = new Worker(store, log);
        worker.properties.putAll(Map.of("chunk.rows", "1000", "buffer.bytes", Integer.toString(1 << 20)));
        worker.restart();
        for (int round = 0; round < 8; round++) {
            worker.poll(5);
        }
        assertEquals(2, store.objects.size(), "15 records of 100 kB twice");
        worker.finish();
        assertEquals(counting(40), worker.offsets());
    }
}
