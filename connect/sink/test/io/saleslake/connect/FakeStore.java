package io.saleslake.connect;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A bucket in memory that can fail before or after any of its calls took effect. */
final class FakeStore implements ObjectStore {
    final Map<String, byte[]> objects = new TreeMap<>();
    final Map<String, Map<String, String>> metadata = new HashMap<>();
    int calls;
    int failBefore = -1; // the call that fails without effect
    int failAfter = -1; // the call that takes effect and loses its answer
    boolean down;

    @Override
    public boolean create(String key, Body body, Map<String, String> given) {
        before();
        boolean absent = !objects.containsKey(key);
        if (absent) {
            objects.put(key, Arrays.copyOf(body.bytes, body.length));
            metadata.put(key, new HashMap<>(given));
        }
        after();
        return absent;
    }

    @Override
    public Optional<Map<String, String>> metadata(String key) {
        before();
        after();
        return Optional.ofNullable(metadata.get(key));
    }

    @Override
    public InputStream open(String key) {
        before();
        after();
        return new ByteArrayInputStream(objects.get(key));
    }

    @Override
    public void close() {
        // nothing is open
    }

    private void before() {
        calls++;
        if (down || calls == failBefore) {
            throw new StoreFault("the bucket does not answer", null);
        }
    }

    private void after() {
        if (calls == failAfter) {
            throw new StoreFault("the answer was lost", null);
        }
    }
}
