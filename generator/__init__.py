"""The shop: replays real sales or simulates them, and sends every change with as much noise as is asked for."""
