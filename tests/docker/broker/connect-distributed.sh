#!/bin/bash
set -euo pipefail
export CLASSPATH='/opt/kafka/libs/*'
exec java ${KAFKA_HEAP_OPTS:-} -XX:+UseSerialGC org.apache.kafka.connect.cli.ConnectDistributed "$@"
