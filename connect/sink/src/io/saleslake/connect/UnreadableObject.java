package io.saleslake.connect;

import org.apache.kafka.connect.errors.ConnectException;

/** Something that is no chunk of ours lies under a key that we need. */
final class UnreadableObject extends ConnectException {
    private static final long serialVersionUID = 1L;

    UnreadableObject(String key) {
        super("object " + key + " holds no readable line; expected one of this sink's objects;"
                + " move it away, then restart the task");
    }
}
