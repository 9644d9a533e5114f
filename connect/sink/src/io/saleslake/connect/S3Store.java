package io.saleslake.connect;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * A bucket of S3, or of what speaks its protocol at an endpoint.
 *
 * <p>Whatever a call throws is a fault that may pass: a connection that ends while the server is asked to go on comes as
 * an UncheckedIOException, none of the SDK's own.
 */
final class S3Store implements ObjectStore {
    private static final int PRECONDITION_FAILED = 412;
    private static final int NOT_FOUND = 404;

    private final S3Client client;
    private final String bucket;

    private S3Store(S3Client client, String bucket) {
        this.client = client;
        this.bucket = bucket;
    }

    static S3Store of(SinkConfig config) {
        S3ClientBuilder builder = S3Client.builder()
                .region(Region.of(config.getString(SinkConfig.REGION)))
                .httpClientBuilder(UrlConnectionHttpClient.builder()
                        .connectionTimeout(Duration.ofSeconds(3))
                        .socketTimeout(Duration.ofSeconds(20)))
                .serviceConfiguration(s3 -> s3.chunkedEncodingEnabled(false))
                .overrideConfiguration(calls -> calls.apiCallTimeout(Duration.ofSeconds(60)));
        if (!config.getString(SinkConfig.ENDPOINT).isEmpty()) {
            builder.endpointOverride(URI.create(config.getString(SinkConfig.ENDPOINT))).forcePathStyle(true);
        }
        if (!config.accessKey().isEmpty()) {
            builder.credentialsProvider(StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(config.accessKey(), config.secretKey())));
        }
        return new S3Store(builder.build(), config.getString(SinkConfig.BUCKET));
    }

    @Override
    public boolean create(String key, Body body, Map<String, String> metadata) {
        // a content provider, because the SDK copies what it is given as bytes
        RequestBody content = RequestBody.fromContentProvider(
                () -> new ByteArrayInputStream(body.bytes, 0, body.length), body.length, "application/gzip");
        try {
            client.putObject(put -> put.bucket(bucket).key(key).ifNoneMatch("*").metadata(metadata), content);
            return true;
        } catch (S3Exception answer) {
            if (answer.statusCode() == PRECONDITION_FAILED) {
                return false;
            }
            throw fault("creating", key, answer);
        } catch (RuntimeException noAnswer) {
            throw fault("creating", key, noAnswer);
        }
    }

    @Override
    public Optional<Map<String, String>> metadata(String key) {
        try {
            return Optional.of(client.headObject(head -> head.bucket(bucket).key(key)).metadata());
        } catch (S3Exception answer) {
            if (answer.statusCode() == NOT_FOUND) {
                return Optional.empty();
            }
            throw fault("asking for", key, answer);
        } catch (RuntimeException noAnswer) {
            throw fault("asking for", key, noAnswer);
        }
    }

    @Override
    public InputStream open(String key) {
        try {
            return client.getObject(get -> get.bucket(bucket).key(key));
        } catch (RuntimeException fault) {
            throw fault("reading", key, fault);
        }
    }

    @Override
    public void close() {
        client.close();
    }

    private StoreFault fault(String doing, String key, RuntimeException cause) {
        return new StoreFault(doing + " s3://" + bucket + "/" + key + " failed: " + cause.getMessage(), cause);
    }
}
