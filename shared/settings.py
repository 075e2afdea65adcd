"""What every process is told from outside, by environment variables that begin with MENTORING_."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Built once, where a process is put together.

    `database_url` is `sqlite:///folder` or `postgresql+psycopg://…`. Without a user in it, each owner of tables logs in
    as itself, and only `init` is told `admin_database_url`, by which it makes those logins.

    Without a `broker_url` the platform is embedded: one process, no broker. Without an `s3_endpoint` files are kept in
    a folder. `public_url` and `s3_public_endpoint` are the addresses that clients see. `webhooks_allow_private`:
    webhooks may lead to private addresses and plain HTTP; unless it is said, on SQLite only.
    """

    model_config = SettingsConfigDict(env_prefix="MENTORING_", frozen=True)

    database_url: str
    admin_database_url: str | None = None
    secrets_dir: Path
    data_dir: Path = Path("var/data")
    broker_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9100
    s3_endpoint: str | None = None
    s3_public_endpoint: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: str | None = None
    s3_bucket: str = "mentoring"
    s3_region: str = "us-east-1"
    coordinator_email: str | None = None
    coordinator_password: str | None = None
    webhooks_allow_private: bool | None = None
    log_level: str = "INFO"

    @property
    def embedded(self) -> bool:
        return self.broker_url is None

    @property
    def private_webhooks(self) -> bool:
        if self.webhooks_allow_private is None:
            return self.database_url.startswith("sqlite:")
        return self.webhooks_allow_private
