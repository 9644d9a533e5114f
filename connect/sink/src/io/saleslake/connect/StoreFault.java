package io.saleslake.connect;

/** The object store did not answer or refused: the same call may work later. */
final class StoreFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StoreFault(String message, Throwable cause) {
        super(message, cause);
    }
}
