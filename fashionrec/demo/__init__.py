"""The demo shop: a catalogue that the project draws itself, and the steps that bring it to life."""
