"""How the example files are made: people, envelopes, kinds of call, and what the mapping language says of each."""
