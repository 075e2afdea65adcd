"""Event sourcing over PostgreSQL or SQLite, RabbitMQ and nameko: technique only, nothing about mentoring."""
