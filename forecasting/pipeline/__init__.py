"""A forecast's way from gold to exports, as pure functions: names, SQL, requests, choices. It calls nothing.

The state machine infra/aws/forecast.asl.json does what a plan says; infra/aws/handlers stand between the two.
"""
