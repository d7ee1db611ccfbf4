"""A literal interpreter of compiled .xmodel files, the second opinion on the emulator."""
