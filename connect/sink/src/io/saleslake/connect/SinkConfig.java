package io.saleslake.connect;

import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/** The sink's configuration: every name with its type, default, check and meaning. */
final class SinkConfig extends AbstractConfig {
    static final String VERSION = "1.0.0";
    static final String TOPIC_ID = "topic.id";
    static final String BUCKET = "s3.bucket";
    static final String REGION = "s3.region";
    static final String ENDPOINT = "s3.endpoint";
    static final String PREFIX = "s3.prefix";
    static final String ACCESS_KEY = "s3.access.key.id";
    static final String SECRET_KEY = "s3.secret.access.key";
    static final String CHUNK_ROWS = "chunk.rows";
    static final String CHUNK_BYTES = "chunk.bytes";
    static final String CHUNK_MILLIS = "chunk.millis";
    static final String BUFFER_BYTES = "buffer.bytes";
    static final String RETRY_MILLIS = "retry.millis";

    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_-]{22}");

    static final ConfigDef DEFINITION = new ConfigDef()
            .define(TOPIC_ID, Type.STRING, ConfigDef.NO_DEFAULT_VALUE, matching(ID, "a topic id of 22 characters"),
                    Importance.HIGH, "Kafka's id of the topic. It is part of every key, because a topic that is made"
                            + " again starts at offset 0 again.")
            .define(BUCKET, Type.STRING, ConfigDef.NO_DEFAULT_VALUE, new ConfigDef.NonEmptyString(),
                    Importance.HIGH, "The bucket that objects are created in.")
            .define(REGION, Type.STRING, ConfigDef.NO_DEFAULT_VALUE, new ConfigDef.NonEmptyString(),
                    Importance.HIGH, "The bucket's region.")
            .define(ENDPOINT, Type.STRING, "", SinkConfig::requireEndpoint,
                    Importance.MEDIUM, "Where S3 answers, with path-style addresses; empty for AWS.")
            .define(PREFIX, Type.STRING, "", SinkConfig::requirePrefix,
                    Importance.MEDIUM, "Put before every key; empty or ending in /.")
            .define(ACCESS_KEY, Type.PASSWORD, "",
                    Importance.LOW, "Access key; empty for the SDK's default chain (environment, role, ...).")
            .define(SECRET_KEY, Type.PASSWORD, "",
                    Importance.LOW, "Secret key; empty together with the access key.")
            .define(CHUNK_ROWS, Type.INT, 50_000, ConfigDef.Range.atLeast(1),
                    Importance.MEDIUM, "Records at which an object is closed.")
            .define(CHUNK_BYTES, Type.INT, 32 << 20, ConfigDef.Range.atLeast(1024),
                    Importance.MEDIUM, "Bytes before compression at which an object is closed.")
            .define(CHUNK_MILLIS, Type.LONG, 1000L, ConfigDef.Range.atLeast(50),
                    Importance.MEDIUM, "Milliseconds after its first record at which an object is closed.")
            .define(BUFFER_BYTES, Type.LONG, 24L << 20, ConfigDef.Range.atLeast(1 << 20),
                    Importance.LOW, "Compressed bytes that a task holds in memory over all partitions before it closes"
                            + " the largest object early.")
            .define(RETRY_MILLIS, Type.LONG, 1000L, ConfigDef.Range.atLeast(10),
                    Importance.LOW, "Milliseconds to wait after S3 failed.");

    SinkConfig(Map<String, String> properties) {
        super(DEFINITION, properties);
        topicFault(properties).ifPresent(fault -> {
            throw new ConfigException(fault);
        });
        if (accessKey().isEmpty() != secretKey().isEmpty()) {
            throw new ConfigException(ACCESS_KEY + " and " + SECRET_KEY + " go together: give both or neither");
        }
    }

    /** Why the topics do not fit the one topic id; empty if they do. */
    static Optional<String> topicFault(Map<String, String> properties) {
        String topics = properties.getOrDefault("topics", "").trim();
        if (topics.isEmpty() || topics.contains(",") || !properties.getOrDefault("topics.regex", "").isEmpty()) {
            return Optional.of("topics is \"" + topics + "\"; expected exactly one topic, the one whose id is "
                    + TOPIC_ID + "; give each topic a connector of its own");
        }
        return Optional.empty();
    }

    /** The key prefix of this topic: prefix, topic, topic id. */
    String topicPrefix(String topic) {
        return getString(PREFIX) + topic + "/" + getString(TOPIC_ID) + "/";
    }

    String accessKey() {
        return secret(ACCESS_KEY);
    }

    String secretKey() {
        return secret(SECRET_KEY);
    }

    private String secret(String name) {
        Password password = getPassword(name);
        return password == null ? "" : password.value();
    }

    private static ConfigDef.Validator matching(Pattern pattern, String meaning) {
        return ConfigDef.LambdaValidator.with((name, value) -> {
            if (value == null || !pattern.matcher((String) value).matches()) {
                throw new ConfigException(name, value, "expected " + meaning);
            }
        }, () -> meaning);
    }

    private static void requireEndpoint(String name, Object value) {
        String text = (String) value;
        if (!text.isEmpty() && !text.matches("https?://[^/]+/?")) {
            throw new ConfigException(name, value, "expected http://host:port, https://host or nothing");
        }
        if (!text.isEmpty()) {
            URI.create(text);
        }
    }

    private static void requirePrefix(String name, Object value) {
        String text = (String) value;
        if (!text.isEmpty() && (!text.endsWith("/") || text.startsWith("/"))) {
            throw new ConfigException(name, value, "expected nothing, or a prefix that ends in / and starts without");
        }
    }
}
