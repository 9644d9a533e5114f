package io.saleslake.connect;

import java.io.InputStream;
import java.util.Map;
import java.util.Optional;

/** What the sink needs of a bucket. Every method throws {@link StoreFault} when the same call may work later. */
interface ObjectStore extends AutoCloseable {
    /** Creates an object unless there is one under this key. Returns false, and changes nothing, if there is. */
    boolean create(String key, Body body, Map<String, String> metadata);

    /** The metadata of an object by lower-case names; empty if there is no object. */
    Optional<Map<String, String>> metadata(String key);

    /** The bytes of an object. */
    InputStream open(String key);

    @Override
    void close();

    /** Bytes that can be read more than once, the first {@code length} of {@code bytes}. */
    final class Body {
        final byte[] bytes;
        final int length;

        Body(byte[] bytes, int length) {
            this.bytes = bytes;
            this.length = length;
        }
    }
}
