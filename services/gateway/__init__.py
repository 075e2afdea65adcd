"""The platform's HTTP API: it sends commands to the services and answers reads from views of the log."""
