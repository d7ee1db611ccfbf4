"""What is wrong on this workstation, or on a board reached from it; one concern a file."""
