"""Running as a service: systemd's protocol, a health answer over a socket, the trial of a release."""
