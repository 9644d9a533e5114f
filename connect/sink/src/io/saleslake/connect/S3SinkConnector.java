package io.saleslake.connect;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/**
 * Lands one topic in a bucket as immutable objects of JSON lines, each offset exactly once.
 *
 * <p>Holds the configuration and hands it to the tasks, which do the work; see {@link PartitionLander} for the rules.
 */
public final class S3SinkConnector extends SinkConnector {
    private Map<String, String> properties;

    @Override
    public void start(Map<String, String> given) {
        properties = Map.copyOf(given);
        new SinkConfig(properties);
    }

    @Override
    public Class<? extends Task> taskClass() {
        return S3SinkTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        List<Map<String, String>> configs = new ArrayList<>();
        for (int task = 0; task < maxTasks; task++) {
            configs.add(properties);
        }
        return configs;
    }

    /** Adds to the checks of single values: exactly one topic, since the configuration holds one topic id. */
    @Override
    public Config validate(Map<String, String> given) {
        Config result = super.validate(given);
        for (ConfigValue value : result.configValues()) {
            if (value.name().equals(SinkConfig.TOPIC_ID)) {
                SinkConfig.topicFault(given).ifPresent(value::addErrorMessage);
            }
        }
        return result;
    }

    @Override
    public void stop() {
        // holds nothing that needs closing
    }

    @Override
    public ConfigDef config() {
        return SinkConfig.DEFINITION;
    }

    @Override
    public String version() {
        return SinkConfig.VERSION;
    }
}
