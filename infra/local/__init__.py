"""The stack on one machine: gateway, processes, artefacts, checks of the machine."""
