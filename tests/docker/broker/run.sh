#!/bin/bash
# Turns KAFKA_FOO_BAR=x into foo.bar=x, as Kafka's own image does, makes a new storage ready and starts the broker.
set -euo pipefail
export CLASSPATH='/opt/kafka/libs/*'
file=/opt/kafka/config/server.properties
env | sed -n 's/^KAFKA_\([A-Z_]*\)=/\1=/p' | grep -v '^HEAP_OPTS=' | while IFS='=' read -r name value; do
  echo "$(tr 'A-Z_' 'a-z.' <<< "$name")=$value"
done > "$file"
java kafka.tools.StorageTool format --ignore-formatted --cluster-id 4L6g3nShT-eMCtK--X86sw --config "$file" > /dev/null
exec java ${KAFKA_HEAP_OPTS:-} -XX:+UseSerialGC kafka.Kafka "$file"
